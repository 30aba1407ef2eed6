"""The WSGI application (PEP 3333): what may be asked over HTTP, and what is answered.

    POST  a data URL, a form with image files, or an image  ->  ten scores for each picture
    GET   ->  the models that can be chosen

A request is checked in the order method, sender, length, type, and nothing heavy (numpy, Pillow, a model) is imported
before all of them are in order: a client that sends rubbish costs a few milliseconds. Whatever goes wrong ends in
`_answer`, as one sentence in the shape that clients already read; the trace goes to the server's log, never to the
client.
"""

import traceback
from collections.abc import Callable
from contextlib import nullcontext

from reading.errors import BadSetting, Problem
from serving import answer, settings
from serving.body import Body, pictures
from serving.reply import SORRY, Answer, Reply, failure, headers_of, of_problem, render
from serving.request import (
    Environ,
    StartResponse,
    announced_length,
    check_length,
    check_method,
    check_sender,
    explanation_of,
    query_of,
    read_of,
)

Work = Callable[[], Answer]


def application(environ: Environ, start_response: StartResponse) -> Reply:
    """WSGI entry point: answer one request; never raises for anything that a request contains."""
    body = Body(environ["wsgi.input"], announced_length(environ))
    status, answered = _answer(environ, body)
    kind, content = render(answered, environ)
    start_response(status, headers_of(status, answered, kind, len(content)))
    return Reply(b"" if environ["REQUEST_METHOD"] == "HEAD" else content, body)


def _answer(environ: Environ, body: Body) -> tuple[str, Answer]:
    """Answer the request; the one place where exceptions turn into replies."""
    try:
        return "200 OK", _serve(environ, body)
    except Problem as problem:
        return of_problem(problem)
    except Exception:
        traceback.print_exc(file=environ["wsgi.errors"])
        return Problem.status, failure(SORRY)


def _serve(environ: Environ, body: Body) -> Answer:
    """Check the request in order of cost, then answer it. Raises a Problem for whatever is wrong with it.

    A server may put two things into `environ`: "mnist.place", a context to be in from the reading of the
    body on, and "mnist.run", which does the costly part of the work in its own way.
    """
    if settings.wrong:
        print(*settings.wrong, file=environ["wsgi.errors"])
        raise BadSetting(" ".join(settings.wrong))
    check_method(environ)
    check_sender(environ)
    posts = environ["REQUEST_METHOD"] == "POST"
    query = query_of(environ)
    how = answer.How(query.get("model", ""), read_of(query), explanation_of(query))
    if posts:
        check_length(environ)
    with environ.get("mnist.place", nullcontext)():
        asked = pictures(environ, body.read()) if posts else []
        run: Callable[[Work], Answer] = environ.get("mnist.run", _here)
        if not posts:
            return run(answer.healthy if "health" in query else answer.models)
        return run(lambda: answer.score(asked, how))


def _here(work: Work) -> Answer:
    """Do the work here and now."""
    return work()
