"""django-helpdesk: how it is built, set up, fed and asked.

`build.py` and `peer.py` run here; `settings.py`, `urls.py` and `inside.py` run in its environment.
"""
