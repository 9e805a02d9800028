"""One server and one data folder: killed, frozen, starved and misled."""
