"""Firefox, driven by Selenium without geckodriver, which Debian has no package of.

geckodriver only passes on what it is asked, over HTTP, to Marionette: the server in Firefox that WebDriver's commands
are carried out by. `Marionette` asks that server itself. A message is its length in bytes, a colon, and JSON; a
command is [0, number, name, parameters], its answer [1, number, error or null, result].
"""

import json
import socket
from typing import Any

from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.remote_connection import RemoteConnection

CHROME_CONTEXT = "SET_CONTEXT"  # Selenium's own name for it
NAMES = {
    Command.NEW_SESSION: "WebDriver:NewSession",
    Command.QUIT: "Marionette:Quit",
    CHROME_CONTEXT: "Marionette:SetContext",
    Command.GET: "WebDriver:Navigate",
    Command.GET_TITLE: "WebDriver:GetTitle",
    Command.SET_WINDOW_RECT: "WebDriver:SetWindowRect",
    Command.SCREENSHOT: "WebDriver:TakeScreenshot",
    Command.FIND_ELEMENT: "WebDriver:FindElement",
    Command.FIND_ELEMENTS: "WebDriver:FindElements",
    Command.CLICK_ELEMENT: "WebDriver:ElementClick",
    Command.GET_ELEMENT_TEXT: "WebDriver:GetElementText",
    Command.SEND_KEYS_TO_ELEMENT: "WebDriver:ElementSendKeys",
    Command.W3C_ACTIONS: "WebDriver:PerformActions",
    Command.W3C_CLEAR_ACTIONS: "WebDriver:ReleaseActions",
    Command.W3C_EXECUTE_SCRIPT: "WebDriver:ExecuteScript",
    Command.W3C_EXECUTE_SCRIPT_ASYNC: "WebDriver:ExecuteAsyncScript",
    Command.W3C_GET_ALERT_TEXT: "WebDriver:GetAlertText",
    Command.W3C_ACCEPT_ALERT: "WebDriver:AcceptAlert",
}
INSTEAD: dict[str, dict[str, Any]] = {Command.NEW_SESSION: {}, Command.QUIT: {"flags": ["eForceQuit"]}}


class Marionette(RemoteConnection):
    """Selenium's commands, sent to a Firefox that listens on a port of this machine."""

    def __init__(self, port: int) -> None:
        super().__init__(client_config=ClientConfig(f"http://127.0.0.1:{port}"))
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._replies = self._socket.makefile("rb")
        self._number = 0
        self._read()  # Firefox greets first

    def execute(self, command: str, params: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command; the answer in the form that Selenium expects of a driver."""
        given = {key: value for key, value in params.items() if key != "sessionId"}
        self._number += 1
        message = json.dumps([0, self._number, NAMES[command], INSTEAD.get(command, given)]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._read()
        if error:
            return {"status": 500, "value": json.dumps({"value": error})}
        return result if isinstance(result, dict) and set(result) == {"value"} else {"value": result}

    def _read(self) -> Any:
        digits = b"".join(iter(lambda: self._replies.read(1), b":"))
        return json.loads(self._replies.read(int(digits)))

    def close(self) -> None:
        """Hang up."""
        self._replies.close()
        self._socket.close()
