"""The states of a treatment and every way from one to another, in one table. Pure: events in, state out."""

from micropython import const

STANDBY = const(0)
READY = const(1)
HEATING = const(2)
HOLDING = const(3)
COOLING = const(4)
COMPLETE = const(5)
PAUSED = const(6)
FAULT = const(7)
STATES = ("standby", "ready", "heating", "holding", "cooling", "complete", "paused", "fault")

NOTHING = const(0)
ARM = const(1)  # armed over the link, ready button pressed, nothing against it
START = const(2)  # started over the link, footswitch pressed
REACHED = const(3)  # the control probe is within its tolerance
HELD = const(4)  # for as long as the plan asks
COOLED = const(5)
PAUSE = const(6)  # by the host, or the footswitch was released
STOP = const(7)
TRIP = const(8)
CLEAR = const(9)  # the key was turned off and on, and the cause is gone
EVENTS = ("nothing", "arm", "start", "reached", "held", "cooled", "pause", "stop", "trip", "clear")

# End reasons; a fault ends a treatment with its own number.
NOT_ENDED = const(0)
ENDED_COMPLETE = const(1)
ENDED_STOPPED = const(2)

# state: what each event leads to, in the order of EVENTS; a row's own state means that the event is ignored there.
_S, _R, _H, _O, _C, _D, _P, _F = range(8)
TABLE = (
    # -   arm start reached held cooled pause stop trip clear
    (_S, _R, _S, _S, _S, _S, _S, _S, _F, _S),  # standby
    (_R, _R, _H, _R, _R, _R, _R, _S, _F, _R),  # ready
    (_H, _H, _H, _O, _H, _H, _P, _C, _F, _H),  # heating
    (_O, _O, _O, _O, _C, _O, _P, _C, _F, _O),  # holding
    (_C, _C, _C, _C, _C, _D, _C, _C, _F, _C),  # cooling
    (_D, _D, _D, _D, _D, _D, _D, _D, _F, _S),  # complete
    (_P, _P, _H, _P, _P, _P, _P, _C, _F, _P),  # paused
    (_F, _F, _F, _F, _F, _F, _F, _F, _F, _S),  # fault
)


class Treatment:
    """`state`, `end` (end reason), and the clocks that count in it."""

    def __init__(self):
        self.state = STANDBY
        self.end = NOT_ENDED
        self.hold_ms = 0
        self.cycles_in_state = 0

    def emitting(self):
        """True in the states in which light may be wanted."""
        return self.state == HEATING or self.state == HOLDING

    def armed(self):
        """True wherever every hazard counts."""
        return READY <= self.state <= COOLING or self.state == PAUSED

    def take(self, event, fault):
        """Go where `event` leads; True if the state changed."""
        self.cycles_in_state += 1
        before = self.state
        after = TABLE[before][event]
        if after == before:
            return False
        self.state = after
        self.cycles_in_state = 0
        if event == TRIP:
            self.end = fault
        elif event == HELD:
            self.end = ENDED_COMPLETE
        elif event == STOP and after == COOLING:
            self.end = ENDED_STOPPED
        elif after == READY:
            self.end = NOT_ENDED
            self.hold_ms = 0
        return True
