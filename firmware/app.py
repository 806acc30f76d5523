"""The cycle: sense, protect, decide, act, report; ten times a second, for as long as the board runs."""

import time

import micropython

import commands
import control
import faults
import limits
import treatment
import version
from dose import Dose
from drivers import interlock
from link import Link
from safety import Safety, Situation
from sensing import TIP, Sensing
from settings import Settings


class App:
    """Wires the drivers to the pure parts. `cycle` is one turn; `run` keeps the time."""

    COLUMNS = (
        "cycle",
        "state",
        "reason",
        "fault",
        "end",
        "inputs",
        "interrupts",
        "command",
        "status0",
        "status1",
        "status2",
        "status3",
        "control_mc",
        "control_age_cycles",
        "wanted_mw",
        "allowed_mw",
        "duty_u16",
        "enable",
        "delivered_mw",
        "energy_mj",
        "emission_ms",
        "hold_ms",
        "cem43_control_umin",
        "dropped",
    )
    # At the end of a row whose cycle took a sample; absent from the others.
    PROBE_COLUMNS = (
        "fresh",
        "probe0_mc",
        "probe1_mc",
        "probe2_mc",
        "probe3_mc",
        "cold0_mc",
        "cold1_mc",
        "cold2_mc",
        "cold3_mc",
        "sr0",
        "sr1",
        "sr2",
        "sr3",
    )
    _ROW = ",".join(["%d"] * len(COLUMNS))
    _PROBE_ROW = "," + ",".join(["%d"] * len(PROBE_COLUMNS))

    def __init__(self, board, board_name):
        self.board = board
        self.board_name = board_name
        self.unique_id = board.unique_id()
        self.manifest = version.manifest()
        self.link = Link(board.serial)
        self.sensing = Sensing(board.chips)
        self.settings = Settings()
        self.situation = Situation(self.sensing, self.settings)
        self.safety = Safety(self.situation)
        self.control = control.Control()
        self.treatment = treatment.Treatment()
        self.dose = Dose()
        self.count = 0
        self.allowed_mw = 0
        self.pulsed = 0
        self._command = 0
        self._request = treatment.NOTHING
        self._arm_age = self._start_age = limits.REQUEST_MAX_AGE
        self._pressed = 0
        self._key_was_off = False
        self._energy_rest = 0
        self._reported_state = treatment.STANDBY
        self._watchdog = None
        # Before a plan tells the roles, every channel is watched as a spare, so that wiring shows at once.
        self.sensing.configure((4, 4, 4, 4), (1, 1, 1, 1))

    def run(self):
        """Cycle for ever at 10 Hz, on deadlines, so that the time a cycle takes does not add up."""
        self._watchdog = self.board.watchdog()
        deadline = time.ticks_ms()
        while True:
            self.cycle()
            self._watchdog.feed()
            deadline = time.ticks_add(deadline, limits.CYCLE_MS)
            wait = time.ticks_diff(deadline, time.ticks_ms())
            if wait > 0:
                time.sleep_ms(wait)
            else:
                deadline = time.ticks_ms()

    def cycle(self):
        """One cycle. Only its middle is locked: reading and writing lines allocates."""
        self._take_commands()
        micropython.heap_lock()
        try:
            self.locked()
        finally:
            micropython.heap_unlock()
        self._report()
        self.count += 1

    def locked(self):
        """Sense, protect, decide, act: integers only, and nothing is allocated."""
        phase = self.count % limits.FRAME_CYCLES
        self._sense(phase)
        self.safety.check()
        self._decide(phase)
        self._act(phase)

    # Sense

    def _sense(self, phase):
        situation = self.situation
        inputs = self.board.interlock.sample()
        # A button that sticks is no answer: only what was open a cycle ago counts as pressed.
        self._pressed = inputs & ~situation.inputs
        situation.inputs = inputs
        situation.delivered_mw = self.board.power_meter.read_mw()
        situation.armed = self.treatment.armed()
        self.sensing.step(phase)

    # Decide

    def _decide(self, phase):
        state = self.treatment
        event = self._event()
        self._request = treatment.NOTHING
        self._age_requests()
        if state.take(event, self.safety.fault):
            self._entered(state.state, event)
        if state.emitting():
            if self.sensing.fresh_dark and self.sensing.dark_age[self.sensing.control] == 0:
                self._control_step()
        else:
            self.control.hold_off()
        if state.state == treatment.HOLDING and self._within_tolerance():
            state.hold_ms += limits.CYCLE_MS
        # Heat goes on spreading after the light is off, so the dose is counted on until the next treatment.
        if state.state != treatment.STANDBY and self.sensing.control_ok():
            self.dose.add(self.control_mc())

    def _event(self):
        """The most pressing event: a fault before a stop, a stop before a pause, those before progress."""
        state = self.treatment.state
        if self.safety.fault:
            return self._clear_or_trip(state)
        if self._request:
            return self._request
        if state == treatment.STANDBY:
            return self._armed_by_hand()
        if state == treatment.READY or state == treatment.PAUSED:
            return self._started_by_foot()
        if state == treatment.HEATING:
            if not self.situation.inputs & interlock.FOOTSWITCH:
                return treatment.PAUSE
            return treatment.REACHED if self._within_tolerance() else treatment.NOTHING
        if state == treatment.HOLDING:
            return treatment.HELD if self.treatment.hold_ms >= self.settings.hold_ms else treatment.NOTHING
        if state == treatment.COOLING:
            return treatment.COOLED if self._cooled() else treatment.NOTHING
        return self._key_turned() if state == treatment.COMPLETE else treatment.NOTHING

    def _clear_or_trip(self, state):
        """A fault trips at once; it clears when the key was off and is on again, with every contact closed."""
        if state != treatment.FAULT:
            self._key_was_off = False
            self._forget_requests()
            return treatment.TRIP
        return self._key_turned()

    def _key_turned(self):
        inputs = self.situation.inputs
        if not inputs & interlock.KEY:
            self._key_was_off = True
        elif self._key_was_off:
            # Turned on while another contact is open, it clears nothing, and has to be turned again.
            self._key_was_off = False
            if inputs & interlock.CHAIN == interlock.CHAIN:
                return treatment.CLEAR
        return treatment.NOTHING

    def _armed_by_hand(self):
        asked = self._arm_age < limits.REQUEST_MAX_AGE
        return treatment.ARM if asked and self._pressed & interlock.READY_BUTTON else treatment.NOTHING

    def _started_by_foot(self):
        asked = self._start_age < limits.REQUEST_MAX_AGE
        return treatment.START if asked and self._pressed & interlock.FOOTSWITCH else treatment.NOTHING

    def _age_requests(self):
        if self._arm_age < limits.REQUEST_MAX_AGE:
            self._arm_age += 1
        if self._start_age < limits.REQUEST_MAX_AGE:
            self._start_age += 1

    def _entered(self, state, event):
        """What a new state begins with."""
        if event == treatment.START:
            self._forget_requests()
            self.control.hold_off()
        elif state == treatment.READY:
            self._forget_requests()
            self.control.reset()
            self.dose.reset()
            self._energy_rest = 0
            self.situation.energy_mj = 0
            self.situation.emission_ms = 0
        elif event == treatment.CLEAR:
            self.safety.clear()
        elif state == treatment.COMPLETE:
            self._key_was_off = False

    def _control_step(self):
        settings = self.settings
        tip_limit = limits.PROBE_LIMIT_MAX_MC[TIP]
        for i in range(4):
            if self.sensing.roles[i] == TIP and settings.limit_mc[i] < tip_limit:
                tip_limit = settings.limit_mc[i]
        self.control.step(settings, self.control_mc(), self.sensing.hottest_dark_mc(TIP), tip_limit)

    def control_mc(self):
        """What the firmware believes of the control probe: its last reading in the dark."""
        return self.sensing.dark_mc[self.sensing.control]

    def _within_tolerance(self):
        off = self.control_mc() - self.settings.set_point_mc
        return self.sensing.control_ok() and -self.settings.tolerance_mc <= off <= self.settings.tolerance_mc

    def _cooled(self):
        below = self.settings.set_point_mc - limits.COOLED_BELOW_SET_POINT_MC
        return self.control_mc() < below or self.treatment.cycles_in_state >= limits.COOLING_MAX_CYCLES

    # Act

    def _act(self, phase):
        """Power for this cycle, none in the dark slot; the enable edge only while light may be wanted."""
        emitting = self.treatment.emitting()
        wanted = self.control.wanted_mw if emitting and phase < limits.DARK_PHASE else 0
        allowed = self.safety.allow(wanted)
        self.allowed_mw = allowed
        self.pulsed = 0
        laser = self.board.laser
        laser.set_mw(allowed)
        if self.board.interlock.opened_since_sample():
            laser.dark()
        if emitting and not self.safety.fault:
            laser.pulse_enable()
            self.pulsed = 1
            self.situation.emission_ms += limits.CYCLE_MS
        self.sensing.trigger(phase)
        self._count_energy(allowed)
        self.situation.commanded_mw = allowed

    def _count_energy(self, allowed_mw):
        """Add this cycle's energy: what was delivered or what is commanded, whichever is more."""
        delivered = self.situation.delivered_mw
        tenths = (delivered if delivered > allowed_mw and allowed_mw else allowed_mw) + self._energy_rest
        self.situation.energy_mj += tenths // 10
        self._energy_rest = tenths % 10

    # Requests from the host

    def _take_commands(self):
        self._command = 0
        for fields in self.link.poll():
            self._command = fields[1]
            commands.handle(self, fields)

    def plan_taken(self):
        """A new plan: the probes change roles, and what was asked for under the old one is void."""
        self._forget_requests()
        self.sensing.configure(self.settings.roles, self.settings.types)

    def _forget_requests(self):
        self._arm_age = self._start_age = limits.REQUEST_MAX_AGE

    def request_arm(self):
        self._arm_age = 0

    def request_start(self):
        self._start_age = 0

    def request(self, event):
        """Pause or stop, in the next locked part; a stop outranks a pause, and either voids what was asked before."""
        self._forget_requests()
        if event > self._request:
            self._request = event

    # Report

    def _report(self):
        if self.treatment.state != self._reported_state:
            self._report_state()
        self._report_row()
        self.link.flush()

    def _report_state(self):
        state = self._reported_state = self.treatment.state
        self.link.send("S", "%d,%d,%d" % (self.count, state, self.treatment.end))
        if state == treatment.FAULT:
            safety = self.safety
            name, unit, remedy = faults.CATALOGUE[safety.fault]
            self.link.send(
                "F",
                "%d,%d,%d,%d,%d,%s,%s,%s"
                % (
                    self.count,
                    safety.fault,
                    safety.where,
                    safety.value,
                    safety.limit,
                    unit,
                    name,
                    remedy.replace(",", ";"),
                ),
            )

    def _report_row(self):
        situation, sensing, status = self.situation, self.sensing, self.sensing.status
        row = self._ROW % (
            self.count,
            self.treatment.state,
            self.control.reason,
            self.safety.fault,
            self.treatment.end,
            situation.inputs,
            self.board.interlock.interrupts,
            self._command,
            status[0],
            status[1],
            status[2],
            status[3],
            self.control_mc(),
            min(sensing.dark_age[sensing.control], 9999),
            self.control.wanted_mw,
            self.allowed_mw,
            self.board.laser.duty_u16,
            self.pulsed,
            situation.delivered_mw,
            situation.energy_mj,
            situation.emission_ms,
            self.treatment.hold_ms,
            self.dose.umin,
            self.link.dropped,
        )
        if sensing.fresh:
            read = [sensing.fresh] + sensing.tc_mc + sensing.cj_mc + sensing.sr
            row += self._PROBE_ROW % tuple(read)
        self.link.send("T", row)
