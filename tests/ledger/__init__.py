"""An independent bookkeeper: what was sent, what came, what became of each event. It knows nothing of the product."""
