"""Who would leave a community, and what each home brings: cooperative games of net positions under two grid prices."""
