-- KEYS[1] is what the dead letters' keys begin with. ARGV: member, nothing, one operation; answers what that says.
return operations[word()]() or 0
