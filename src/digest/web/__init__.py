"""The readers' side: pages without accounts, cookies and scripts, served by `digest serve`.

    request ─▶ guard (host, size, time, headers) ─▶ routes ─▶ a verb of actions, or a read of store ─▶ page

GET, HEAD and OPTIONS change nothing: programs follow links. What is posted is done, and durable, before the answer.
"""
