"""The cycle: sense, protect, decide, act, report; ten times a second, for as long as the board runs."""

import binascii
import gc
import time

import micropython

import auth
import bank
import commands
import control
import faults
import limits
import notices
import start
import treatment
from after_heat import AfterHeat
from alarms import Alarms
from diagnosis import Diagnosis
from dose import Dose
from drivers import interlock, reading
from estimate import RAMP_FRAMES, Estimate
from hands import Hands
from hazards import Situation
from link import Link
from report import Report
from safety import Safety
from self_test import SelfTest
from sensing import CHANNELS, GUARD, SPARE, TIP, Sensing
from settings import Settings
from trends import Trends

_STARTED_CYCLES = 20  # a firmware that crashes earlier counts as one that does not start
_COLLECT_CYCLES = 100  # a collection takes about 14 ms: at a fixed point of the frame in which nothing is read

# By then over: what is used up, and what the next self-test looks at again.
_USED_UP = (faults.ENERGY, faults.EMISSION_TIME, faults.LEAK, faults.ENABLE_FAILS, faults.POWER_FAILS)


class App:
    """Wires the drivers to the pure parts. `cycle` is one turn; `run` keeps the time.

    In `service` nothing can be armed, and only a reset leads out. `prepared` is what `start.prepare` gives, which reads
    and writes flash.
    """

    def __init__(self, board, board_name, service=False, prepared=None):
        self.board = board
        self.board_name = board_name
        store, self.manifest, self.problem, unsaved = prepared or start.prepare()
        self.store = store
        self.unique_id = board.unique_id()
        self.link = Link(board.serial, self._session(store))
        self.sensing = Sensing(board.chips, store.section("calibration"))
        self.settings = Settings()
        self.treatment = treatment.Treatment(treatment.SERVICE if service else treatment.STANDBY)
        self.trends = Trends(self.sensing)
        self.after_heat = [AfterHeat() for _ in range(CHANNELS)]
        self.estimate = Estimate(self.sensing, self.settings)
        self.diagnosis = Diagnosis(self.sensing, self.estimate)
        self.situation = Situation(
            self.sensing, self.settings, self.trends, self.treatment, self.after_heat, self.diagnosis
        )
        self.safety = Safety(self.situation)
        self.control = control.Control()
        self.self_test = SelfTest()
        self.hands = Hands()
        self.dose = Dose()
        self.alarms = Alarms(notices.TABLE)
        self.notices = notices.Notices(self.alarms, self.situation, self.safety, self.control)
        self.report = Report(self)
        self.watchdog = None
        self.count = 0
        self.allowed_mw = 0
        self.pulsed = 0
        self.command = 0  # commands taken in this cycle
        self.silence_asked = False
        self._leaving = False
        self._request = treatment.NOTHING
        self._indicator_cycles = 0
        self._energy_rest = 0
        self._frame_mj = 0
        self._slot_mw = 0
        self._lit = False
        laser = store.section("laser")
        board.laser.calibrate(laser["points"])
        board.power_meter.full_scale_mw = laser["full_scale_mw"]
        # Before a plan tells the roles, every channel is watched as a spare, so that wiring shows at once.
        self.sensing.configure([SPARE] * CHANNELS, [reading.TYPE_T] * CHANNELS)
        self.alarms.set(faults.STORE_FAILS, unsaved != "")
        self.alarms.set(faults.STORE_RECOVERED, store.state == "recovered")
        if not service:
            self._remember()

    def _session(self, store):
        key = store.section("device")["key"]
        key = binascii.unhexlify(key) if key else auth.default_key(self.unique_id)
        return auth.Session(key, self.unique_id, store.section("counters")["boots"])

    def _remember(self):
        """What was latched before the last reset, or is wrong from the start, has to be dealt with first."""
        latch, scratch = self.store.section("latch"), self.board.scratch_read(0)
        if self.problem:
            self._latch(faults.FIRMWARE_DIFFERS, -1, 0, 0)
        elif self.store.problem:
            self._latch(faults.STORE_CORRUPT, -1, 0, 0)
        elif faults.latches(latch["number"]):
            self._latch(latch["number"], latch["where"], latch["value"], latch["limit"])
        elif faults.latches(scratch):
            self._latch(scratch, -1, 0, 0)
        elif self.board.scratch_read(3):
            self._latch(faults.RESTARTED, -1, 0, 0)

    def _latch(self, number, where, value, limit):
        self.safety.latch(number, where, value, limit)
        self.treatment.take(treatment.TRIP, number)
        self._entered(treatment.FAULT, treatment.TRIP)

    def run(self):
        """Cycle for ever at 10 Hz, on deadlines, so that the time a cycle takes does not add up."""
        if self.treatment.state != treatment.SERVICE:
            self.watchdog = self.board.watchdog(limits.WATCHDOG_MS)
        deadline = time.ticks_ms()
        while True:
            self.cycle()
            if self.count == _STARTED_CYCLES:
                self.alarms.set(faults.PREVIOUS_FIRMWARE, bank.reached_standby())
            if self.watchdog:
                self.watchdog.feed()
            deadline = time.ticks_add(deadline, limits.CYCLE_MS)
            wait = time.ticks_diff(deadline, time.ticks_ms())
            self.situation.late_ms = 0
            if wait > 0:
                time.sleep_ms(wait)
            else:
                self.situation.late_ms = -wait
                deadline = time.ticks_ms()

    def cycle(self):
        """One cycle. Only its middle is locked: reading and writing lines allocates."""
        self._take_commands()
        micropython.heap_lock()
        try:
            self.locked()
        finally:
            micropython.heap_unlock()
        self.report.step()
        self.count += 1
        if self._leaving:
            self.board.reset()
        if self.count % _COLLECT_CYCLES == 0:
            gc.collect()

    def locked(self):
        """Sense, protect, decide, act: integers only, and nothing is allocated."""
        phase = self.count % limits.FRAME_CYCLES
        self._sense(phase)
        self.safety.check()
        self._decide(phase)
        self._act(phase)
        self._tell()

    # Sense

    def _sense(self, phase):
        situation = self.situation
        situation.inputs = self.board.interlock.sample()
        self.hands.step(situation.inputs)
        situation.unconfirmed_ms = self.hands.unconfirmed_ms
        if situation.lease_ms <= limits.LEASE_MAX_MS:
            situation.lease_ms += limits.CYCLE_MS
        situation.delivered_mw = self.board.power_meter.read_mw()
        situation.supply_mv = self.board.supply.read_mv()
        self.sensing.step(phase, self._lit)
        if not phase & 1:
            self.estimate.slot(self._slot_mw // limits.SLOT_CYCLES)
            self._slot_mw = 0
        if phase == 0:
            self._end_frame()
        self.estimate.think(phase)
        situation.control_mc = self.control_mc()
        for i in range(CHANNELS):
            situation.artefact_mc[i] = self.estimate.artefact_mc(i)

    def _end_frame(self):
        """What is learnt once a frame, from the dark samples and the energy since the last ones."""
        self._lit = self._frame_mj > 0
        state, emitting = self.treatment.state, self.treatment.emitting()
        self.estimate.frame(emitting, self._lit)
        self.diagnosis.frame(emitting, self._frame_mj, state == treatment.HOLDING)
        self.trends.frame(self._frame_mj, self.settings.set_point_mc)
        for i in range(CHANNELS):
            if self.sensing.roles[i] == GUARD and self.sensing.dark_age[i] <= limits.DARK_MAX_AGE:
                self.after_heat[i].step(self.sensing.dark_mc[i], self._frame_mj)  # mJ in 1 s: mW
        self._frame_mj = 0

    # Decide

    def _decide(self, phase):
        state = self.treatment
        event = self._event()
        if state.take(event, self._cause(event)):
            self._entered(state.state, event)
        self._request = treatment.NOTHING
        if state.state == treatment.SELF_TEST:
            self._test()
        if not state.emitting():
            self.control.hold_off()
        elif self._may_emit():
            self._control()
        if state.state == treatment.HOLDING and self._within_tolerance():
            state.hold_ms += limits.CYCLE_MS
        # Heat goes on spreading after the light is off, so the dose is counted on until the next treatment.
        if state.state != treatment.STANDBY and self.sensing.control_ok():
            self.dose.add(self.control_mc())

    def _event(self):
        """The most pressing event: a hard fault before a stop, that before a pause, those before progress."""
        state, safety = self.treatment.state, self.safety
        if state == treatment.FAULT or state == treatment.COMPLETE:
            return self._ended(state)
        if safety.hard:
            return treatment.TRIP
        if self._request:
            return self._request
        if safety.fault and state != treatment.PAUSED and state != treatment.COOLING and self.treatment.armed():
            return self._hindered()
        return self._progress(state)

    def _hindered(self):
        """A resumable fault pauses; neither a host that the plan does not wait for nor the same trouble for ever."""
        fault = self.safety.fault
        often = self.treatment.pauses >= limits.PAUSES_MAX and fault != faults.FOOTSWITCH
        stops = often or (fault == faults.LEASE and self.settings.lease_stops)
        return treatment.STOP if stops else treatment.HINDER

    def _cause(self, event):
        """The fault or reason for which `event` leads out of a state."""
        if event == treatment.PAUSE:
            return treatment.PAUSED_BY_HOST
        return treatment.ENDED_STOPPED if event == self._request else self.safety.fault

    def _ended(self, state):
        """Over, until the key was turned off and on."""
        if state == treatment.COMPLETE and self.safety.hard:
            return treatment.TRIP
        cleared = self.hands.clears() and (state == treatment.COMPLETE or self._cause_gone())
        return treatment.CLEAR if cleared else treatment.NOTHING

    def _progress(self, state):
        if state == treatment.STANDBY:
            return treatment.ARM if self.hands.arms() and self._may_arm() else treatment.NOTHING
        if state == treatment.SELF_TEST:
            return treatment.PASSED if self.self_test.passed else treatment.NOTHING
        if state == treatment.READY or state == treatment.PAUSED:
            return self._waiting()
        if state == treatment.HEATING:
            return treatment.REACHED if self._within_tolerance() else treatment.NOTHING
        if state == treatment.HOLDING:
            return treatment.HELD if self.treatment.hold_ms >= self.settings.hold_ms else treatment.NOTHING
        return treatment.COOLED if state == treatment.COOLING and self._cooled() else treatment.NOTHING

    def _waiting(self):
        """Armed or paused: for the footswitch, but not for ever."""
        if self.hands.starts() and not self.safety.evidence:
            return treatment.START
        most = limits.READY_MAX_CYCLES if self.treatment.state == treatment.READY else limits.PAUSED_MAX_CYCLES
        return treatment.EXPIRE if self.treatment.cycles_in_state >= most else treatment.NOTHING

    def _may_arm(self):
        inputs = self.situation.inputs
        stuck = inputs & interlock.FOOTSWITCH
        clean = self.hands.key_turned and not self.safety.evidence and not self.alarms.is_on(faults.STORE_FAILS)
        return self.settings.complete and clean and not stuck

    def _cause_gone(self):
        fault = self.safety.fault
        return fault in _USED_UP or (fault not in faults.NEEDS_SERVICE and not self.safety.sees(fault))

    def _entered(self, state, event):
        """What a new state begins with."""
        self.hands.forget()
        self.board.scratch_write(3, 1 if self.treatment.armed() else 0)
        if state == treatment.SELF_TEST:
            self._begin_treatment()
        elif state == treatment.HEATING:
            self.safety.forget()
            self.control.hold_off()
        elif state == treatment.HOLDING:
            self.hands.unconfirmed_ms = self.situation.unconfirmed_ms = 0
        elif state == treatment.PAUSED:
            self.trends.resume()
            if self.diagnosis.source:
                self.control.never_above(self.diagnosis.before_mw)
            self.diagnosis.resume()
        elif state == treatment.FAULT or state == treatment.COMPLETE:
            self.hands.forget_key()
            self.board.scratch_write(0, self.safety.fault if self.safety.hard else 0)
        elif event == treatment.CLEAR:
            self._learn_anew()
            self._forget_exposure()
            self.trends.reset()
            self.diagnosis.reset()
            self.safety.forget()
            self.board.scratch_write(0, 0)

    def _learn_anew(self):
        """Guards learn from the dark before the light too, so from the plan or the last treatment on."""
        for guard in self.after_heat:
            guard.reset()

    def _begin_treatment(self):
        self.safety.forget()
        self.control.reset()
        self.estimate.reset()
        self.diagnosis.reset()
        self.dose.reset()
        self.trends.reset()
        self.self_test.begin()
        self.alarms.test()
        self._forget_exposure()

    def _forget_exposure(self):
        """What is used up is no hazard for the next treatment, nor what the next self-test looks at again."""
        self._energy_rest = 0
        self.situation.energy_mj = 0
        self.situation.emission_ms = 0
        self.situation.self_test = 0

    def _test(self):
        self.self_test.step(self.situation.delivered_mw)
        self.situation.self_test = self.self_test.failed
        self.situation.self_test_mw = self.situation.delivered_mw

    def _may_emit(self):
        return self._indicator_cycles >= limits.INDICATOR_CYCLES and not self.safety.evidence

    def _control(self):
        estimate, fresh = self.estimate, self.sensing.fresh_dark and self.sensing.dark_age[self.sensing.control] == 0
        if estimate.news:
            if estimate.settled:
                self.diagnosis.settle(self.settings.set_point_mc, self.settings.tolerance_mc, self.settings.cap_mw)
            if self.settings.identified:
                self._take_gains()
        if estimate.windows.dark:
            self.control.reason = control.DARK_WINDOW
        elif fresh:
            self._control_step()

    def _take_gains(self):
        answer = self.estimate.answers[self.sensing.control]
        rise_mc = self.settings.set_point_mc - answer.rest_mc
        self.control.identified(self.settings, rise_mc, answer.after_30_s(), answer.after_300_s())

    def _control_step(self):
        settings = self.settings
        tip_limit = limits.PROBE_LIMIT_MAX_MC[TIP]
        for i in range(CHANNELS):
            if self.sensing.roles[i] == TIP and settings.limit_mc[i] < tip_limit:
                tip_limit = settings.limit_mc[i]
        learning = settings.identified != 0 and self.estimate.lit_frames < RAMP_FRAMES
        self.control.step(settings, self.control_mc(), self.estimate.hottest_mc(TIP), tip_limit, learning)

    def control_mc(self):
        """What the firmware believes of the tissue at the control probe."""
        return self.estimate.control_mc()

    def _within_tolerance(self):
        off = self.control_mc() - self.settings.set_point_mc
        return self.sensing.control_ok() and -self.settings.tolerance_mc <= off <= self.settings.tolerance_mc

    def _cooled(self):
        below = self.settings.set_point_mc - limits.COOLED_BELOW_SET_POINT_MC
        return self.control_mc() < below or self.treatment.cycles_in_state >= limits.COOLING_MAX_CYCLES

    # Act

    def _act(self, phase):
        """Power for this cycle, none in the dark slot; the enable edge only while light may be wanted."""
        board, state = self.board, self.treatment.state
        emitting = self.treatment.emitting()
        # From here on a released footswitch darkens by interrupt.
        board.interlock.hold_to_run = state == treatment.HEATING
        bright = emitting and phase < limits.DARK_PHASE and not self.estimate.windows.dark
        wanted = self.control.wanted_mw if bright else 0
        allowed = self.safety.allow(wanted, self._indicator_cycles)
        pulse = emitting and self._may_emit() and not self.safety.fault
        if state == treatment.SELF_TEST:
            board.laser.set_mw(self.self_test.power_mw)
            pulse = self.self_test.pulse
        else:
            board.laser.set_mw(allowed)
        if board.interlock.opened_since_sample():
            board.laser.dark()
        self.pulsed = 0
        if pulse:
            board.laser.pulse_enable()
            self.pulsed = 1
        self.sensing.trigger(phase)
        self._account(allowed, emitting and pulse)

    def _account(self, allowed_mw, emitting):
        self.allowed_mw = allowed_mw
        if emitting:
            self._slot_mw += allowed_mw
            self.situation.emission_ms += limits.CYCLE_MS
        self._count_energy(allowed_mw)
        self.trends.light(allowed_mw)
        self.situation.commanded_mw = allowed_mw

    def _count_energy(self, allowed_mw):
        """Add this cycle's energy: what was delivered or what is commanded, whichever is more."""
        delivered = self.situation.delivered_mw
        tenths = (delivered if delivered > allowed_mw and allowed_mw else allowed_mw) + self._energy_rest
        self.situation.energy_mj += tenths // 10
        self._frame_mj += tenths // 10
        self._energy_rest = tenths % 10

    def _tell(self):
        """Lamps, buzzer, emission indicator and aiming beam."""
        indicators, alarms, state = self.board.indicators, self.alarms, self.treatment.state
        lit = self.treatment.lit()
        self._indicator_cycles = self._indicator_cycles + 1 if lit else 0
        indicators.emission(lit)
        indicators.aiming(state == treatment.READY or state == treatment.PAUSED)
        self.notices.step(self.link.dropped)
        pressed = self.situation.inputs & interlock.SILENCE != 0 or self.silence_asked
        self.silence_asked = False
        alarms.step(self.count, pressed)
        indicators.show(alarms.red, alarms.yellow, alarms.buzzer)

    # Commands

    def _take_commands(self):
        self.command = 0
        for fields in self.link.poll(self.count):
            self.command += 1
            commands.handle(self, fields)

    def plan_taken(self):
        """A new plan: the probes are set up for it and read anew. Returns what is wrong, or nothing."""
        self.hands.forget()
        self._learn_anew()
        unable = self.sensing.configure(self.settings.roles, self.settings.types)
        self.estimate.configure()
        if unable < 0:
            return ""
        self.settings.complete = False
        return "probe%d_type = %d: its converter cannot do this type" % (unable, self.settings.types[unable])

    def request(self, event):
        """Pause or stop, in the next locked part; a stop outranks a pause, and either voids what was asked before."""
        self.hands.forget()
        if event > self._request:
            self._request = event

    def enter_service(self):
        """Reset into service, once the answer is out."""
        self.board.scratch_write(2, 1)
        self._leaving = True

    def leave_service(self):
        """Reset into standby, once the answer is out."""
        self._leaving = True
