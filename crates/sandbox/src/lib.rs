//! Code agents in a sandbox: engine images of JavaScript and Python, and the processes that run them.
