"""The whole gateway as its neighbours know it: a process, real programs around it, nothing but its sockets."""
