"""From an HTTP request to its reply.

`application` is the WSGI application: it checks a request (`request`), takes the pictures out of its body (`body`), has
them read (`answer`), and turns whatever goes wrong (`errors`) into the one shape of reply (`reply`, `html`). `cgi` runs
it as a CGI script, which nothing but itself guards: with admission control (`admission`), and with limits on what
reading one picture may take.

May import `reading`, and nothing heavy before a request is known to be in order: no training library, nothing of
`learning`. What a stranger's bytes meet first is here, so this package stays small enough to be read at a sitting.
"""
