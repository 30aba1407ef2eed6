"""Who may ask: neither pages of other origins nor names that only lead to this machine."""

import sys
from pathlib import Path
from typing import Any

import pytest

import pictures
import servers

SEVEN = pictures.data_url(pictures.png(7))
OWN_PAGES = [
    {"Host": "localhost:8000"},
    {"Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:8000"},
    {"Host": "[::1]:8000", "Origin": "http://[::1]:8000"},
    {"Host": "127.0.0.1", "Origin": "https://draw.example.org", "Sec-Fetch-Site": "same-origin"},
    {"Host": "127.0.0.1", "Origin": "null", "Sec-Fetch-Site": "same-origin"},
]
OTHER_PAGES = [
    {"Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:3000"},
    {"Host": "localhost:8000", "Origin": "https://elsewhere.example"},
    {"Host": "localhost:8000", "Origin": "null"},
    {"Host": "localhost:8000", "Origin": "http://localhost:8000", "Sec-Fetch-Site": "cross-site"},
]
OTHER_NAMES = ["elsewhere.example", "localhost.elsewhere.example:8000", "127.0.0.1.elsewhere.example", "1a:8000"]


@pytest.mark.parametrize("headers", OWN_PAGES, ids=str)
def test_our_own_pages_and_who_is_no_browser_may_post(wsgi: servers.Wsgi, headers: dict[str, str]) -> None:
    assert wsgi.ask(SEVEN, headers).json["digit"] == 7


@pytest.mark.parametrize("headers", OTHER_PAGES, ids=str)
def test_what_a_page_of_another_origin_posts_is_not_carried_out(wsgi: servers.Wsgi, headers: dict[str, str]) -> None:
    answer = wsgi.ask(SEVEN, headers)
    assert (answer.status, answer.json["data"]) == (403, [])
    assert answer.json["error"].startswith("Pages of other origins may not send pictures here")


@pytest.mark.parametrize("host", OTHER_NAMES)
def test_a_foreign_name_that_leads_to_this_machine_is_not_served(wsgi: servers.Wsgi, host: str) -> None:
    answer = wsgi.ask(headers={"Host": host}, method="GET")
    assert (answer.status, answer.json["result"]) == (421, 0)
    assert "MNIST_HOSTS" in answer.json["error"]


@pytest.mark.parametrize("host", ["draw.example.org:8000", "DRAW.example.org", "a.example.net"])
def test_names_that_are_given_are_served_and_their_pages_may_post(
    wsgi: servers.Wsgi, host: str, monkeypatch: Any
) -> None:
    import serving.request

    monkeypatch.setattr(serving.request, "HOSTS", "draw.example.org *.example.net")
    assert wsgi.ask(headers={"Host": host}, method="GET").status == 200
    assert wsgi.ask(SEVEN, {"Host": "127.0.0.1", "Origin": f"https://{host}"}).status == 200


def test_under_a_real_server_neither_name_nor_page_of_others_gets_anything(
    lighttpd: servers.Server, http_server: servers.Server
) -> None:
    for server in (lighttpd, http_server):
        for path in (servers.SCRIPT, "/README.md", "/") if server is http_server else (servers.SCRIPT,):
            head = f"GET {path} HTTP/1.0\r\nHost: elsewhere.example\r\n\r\n"
            assert b" 421 " in server.raw(head.encode()).partition(b"\r\n")[0], (server.name, path)
        posted = "Origin: http://elsewhere.example\r\nContent-Length: 1\r\n\r\nx"
        reply = server.raw(f"POST {servers.SCRIPT} HTTP/1.0\r\nHost: localhost\r\n{posted}".encode())
        assert b" 403 " in reply.partition(b"\r\n")[0], server.name
        assert b'"result": 0' in reply
        assert b'"models"' in server.raw(f"GET {servers.SCRIPT} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())


def test_plain_http_server_tells_a_script_as_little_of_a_request_as_the_docs_say(tmp_path: Path) -> None:
    (tmp_path / "cgi-bin").mkdir()
    script = tmp_path / "cgi-bin" / "told.py"
    script.write_text("#!/bin/sh\necho\nenv | sed -n 's/^HTTP_\\([A-Z_]*\\)=.*/\\1/p' | sort\n")
    script.chmod(0o755)
    command = [*servers.unprivileged(), sys.executable, "-u", "-m", "http.server", "--cgi", "--bind", "127.0.0.1", "0"]
    headers = {
        "Origin": "http://a.example",
        "Sec-Fetch-Site": "cross-site",
        "Referer": "http://a.example/",
        "Cookie": "a",
    }
    with servers.running("http.server", command, tmp_path / "log", cwd=tmp_path, env=servers.environment()) as server:
        told = server.ask(SEVEN, headers | {"Accept": "a/b", "User-Agent": "me"}, path="/cgi-bin/told.py").body.decode()
    assert set(told.split()) == {"ACCEPT", "COOKIE", "REFERER", "USER_AGENT"}
