"""The states of a treatment and every way from one to another, in one table. Pure: events in, state out."""

from micropython import const

from faults import FOOTSWITCH

STANDBY = const(0)
READY = const(1)
HEATING = const(2)
HOLDING = const(3)
COOLING = const(4)
COMPLETE = const(5)
PAUSED = const(6)
FAULT = const(7)
SELF_TEST = const(8)
SERVICE = const(9)
STATES = (
    "standby",
    "ready",
    "heating",
    "holding",
    "cooling",
    "complete",
    "paused",
    "fault",
    "self-test",
    "service",
)

NOTHING = const(0)
ARM = const(1)  # armed over the link, ready button pressed, nothing against it
PASSED = const(2)  # the self-test found both ways to dark in order
START = const(3)  # started over the link, footswitch pressed
REACHED = const(4)  # the control probe is within its tolerance
HELD = const(5)  # for as long as the plan asks
COOLED = const(6)
EXPIRE = const(7)  # armed or paused, and left alone
PAUSE = const(8)  # by the host
HINDER = const(9)  # a resumable fault
STOP = const(10)
TRIP = const(11)  # a hard fault
CLEAR = const(12)  # the key was turned off and on, and the cause is gone
EVENTS = (
    "nothing",
    "arm",
    "passed",
    "start",
    "reached",
    "held",
    "cooled",
    "expire",
    "pause",
    "hinder",
    "stop",
    "trip",
    "clear",
)

# End reasons; a fault ends a treatment with its own number.
NOT_ENDED = const(0)
ENDED_COMPLETE = const(1)
ENDED_STOPPED = const(2)
PAUSED_BY_HOST = const(4)  # 3 is the host's own
ENDED_READY_EXPIRED = const(5)

# state: what each event leads to, in the order of EVENTS; a row's own state means that the event is ignored there.
_S, _R, _H, _O, _C, _D, _P, _F, _T, _V = range(10)
TABLE = (
    # -  arm pass start reach held cool expire pause hinder stop trip clear
    (_S, _T, _S, _S, _S, _S, _S, _S, _S, _S, _S, _F, _S),  # standby
    (_R, _R, _R, _H, _R, _R, _R, _S, _R, _S, _S, _F, _R),  # ready
    (_H, _H, _H, _H, _O, _H, _H, _H, _P, _P, _C, _F, _H),  # heating
    (_O, _O, _O, _O, _O, _C, _O, _O, _P, _P, _C, _F, _O),  # holding
    (_C, _C, _C, _C, _C, _C, _D, _C, _C, _C, _C, _F, _C),  # cooling
    (_D, _D, _D, _D, _D, _D, _D, _D, _D, _D, _D, _F, _S),  # complete
    (_P, _P, _P, _H, _P, _P, _P, _C, _P, _P, _C, _F, _P),  # paused
    (_F, _F, _F, _F, _F, _F, _F, _F, _F, _F, _F, _F, _S),  # fault
    (_T, _T, _R, _T, _T, _T, _T, _T, _S, _S, _S, _F, _T),  # self-test
    (_V, _V, _V, _V, _V, _V, _V, _V, _V, _V, _V, _V, _V),  # service: only a reset leads out
)


class Treatment:
    """`state`; `end`, why it ended or is paused; and the clocks that count in it."""

    def __init__(self, state=STANDBY):
        self.state = state
        self.end = NOT_ENDED
        self.paused_for = NOT_ENDED
        self.hold_ms = 0
        self.pauses = 0  # by faults, since it was armed
        self.cycles_in_state = 0

    def emitting(self):
        """True in the states in which light may be wanted."""
        return self.state == HEATING or self.state == HOLDING

    def armed(self):
        """True wherever a hazard acts on the treatment."""
        return READY <= self.state <= COOLING or self.state == PAUSED or self.state == SELF_TEST

    def lit(self):
        """True while light may follow at a person's word: the emission indicator is on."""
        return READY <= self.state <= HOLDING or self.state == PAUSED

    def take(self, event, cause):
        """Go where `event` leads, because of fault or reason `cause`; True if the state changed."""
        self.cycles_in_state += 1
        before = self.state
        after = TABLE[before][event]
        if after == before:
            return False
        self.state = after
        self.cycles_in_state = 0
        if after == SELF_TEST:
            self.end = self.paused_for = NOT_ENDED
            self.hold_ms = self.pauses = 0
        elif after == PAUSED:
            self.paused_for = cause
            if event == HINDER and cause != FOOTSWITCH:
                self.pauses += 1
        elif after == HEATING:
            self.paused_for = NOT_ENDED
        elif self.end == NOT_ENDED:
            self.end = self._end_of(before, event, cause)
        return True

    def _end_of(self, before, event, cause):
        """Why a treatment that `event` takes out of `before` has ended; the first reason stays."""
        if event == HELD:
            return ENDED_COMPLETE
        if event == STOP:
            # Who stops a treatment that a fault has paused does it for that.
            return self.paused_for if before == PAUSED and self.paused_for > ENDED_READY_EXPIRED else cause
        if event == EXPIRE:
            return self.paused_for if before == PAUSED else ENDED_READY_EXPIRED
        return cause if event in (TRIP, HINDER) else NOT_ENDED
