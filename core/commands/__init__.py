"""The command line, one module a family of commands; heavy imports happen inside the commands."""
