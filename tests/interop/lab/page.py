"""The page at /, in Chromium, over an edge with a real Asterisk and a phone."""

from .asterisk import Asterisk
from .baresip import Baresip
from .browser import Browser
from .edge import Edge
from .lab import LabTest
from .wait import wait_for

TOKEN = "a-token-of-the-laboratory"


class PageTest(LabTest):
    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab, token=TOKEN)
        cls.asterisk = Asterisk(cls.lab, 10, {"401": "one", "402": "two"}, rewrite_contact=True)
        cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.edge.set(10, health={"interval": "1s", "timeout": "500ms"})
        cls.edge.wait_ready()
        cls.caller = Baresip(cls.lab, 21, "401", "a.test", "one", f"{cls.edge.ip}:5060")
        cls.caller.wait_registered()
        cls.browser = Browser(cls.lab)
        cls.url = f"http://{cls.edge.admin}/"

    def setUp(self):
        self.page = self.browser

    def tearDown(self):
        self.assertEqual(self.page.troubles(), [])

    def log_in(self, at="", **more):
        self.page.log_in(self.url, TOKEN, **more)
        if at:
            self.page.go(at)

    def call(self):
        """401 talks with Asterisk's echo. Gives the call as the edge tells it."""
        self.addCleanup(self.hang_up)
        self.caller.dial("600")
        return wait_for(lambda: next((call for call in self.edge.calls() if call["answered"]), None), 10, "the call is up")

    def hang_up(self):
        """Whatever is left of it, after a failure too."""
        for call in self.edge.calls():
            self.edge.rest("DELETE", f"/v1/calls/{call['id']}")
        wait_for(lambda: not self.edge.calls(), 10, "the edge has no call left")
