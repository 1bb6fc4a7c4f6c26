"""A call of a baresip to an extension of a real Asterisk, which answers and hangs up."""

from .asterisk import Asterisk
from .baresip import Baresip
from .edge import Edge
from .wait import wait_for


class RealCall:
    """When it is made the call has been. `edge`, `asterisk`; `call_ids` of both legs, `key` of the call; `live` is what `while_up(edge, call)`
    gave. The options are the edge's."""

    def __init__(self, lab, while_up=lambda edge, call: None, **options):
        self.edge = Edge(lab, **options)
        self.asterisk = Asterisk(lab, 10, {"401": "one"})
        self.edge.tenant("a.test", 10, self.asterisk.address)
        self.edge.wait_ready()
        caller = Baresip(lab, 21, "401", "a.test", "one", f"{self.edge.ip}:5060", "udp")
        caller.wait_registered()
        since = caller.mark()
        caller.dial("603")
        caller.wait_event("CALL_ESTABLISHED", 10, since)
        call = wait_for(self.edge.calls, 5, "the edge has the call")[0]
        self.call_ids, self.key = (call["origin_call_id"], call["new_call_id"]), call["key"]
        self.live = while_up(self.edge, call)
        caller.wait_event("CALL_CLOSED", 10, since)
        wait_for(lambda: not self.edge.calls(), 5, "the edge has no call left")
