"""What the device tells and remembers at the end of a cycle: rows, states, faults, alarms; journal and store.

Runs outside the locked part. Lines wait in the link's bounded queue, and the journal until flash may be written.
"""

from micropython import const

import faults
import limits
import notices
import treatment

COLUMNS = (
    "cycle",
    "state",
    "reason",
    "fault",
    "end",
    "inputs",
    "interrupts",
    "command",
    "evidence",
    "alarm",
    "outputs",
    "supply_mv",
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
PROBE_COLUMNS = ("fresh",) + tuple([name % i for name in ("probe%d_mc", "cold%d_mc", "sr%d") for i in range(4)])
# A line of its own each frame while armed: what is believed, by channel and of the tissue at the control probe.
_OF_PROBES = ("clean%d_mc", "artefact%d_mc", "doubt%d_mc", "sway%d_mc")
_OF_TISSUE = ("shape_q10", "windows", "kp_mw_per_c", "after_30_s_mc_per_w", "plateau_mc")
FRAME_COLUMNS = ("cycle",) + tuple([name % i for i in range(4) for name in _OF_PROBES]) + _OF_TISSUE
_ROW = ",".join(["%d"] * len(COLUMNS))
_FRAME_ROW = ",".join(["%d"] * len(FRAME_COLUMNS))
_PROBE_ROW = "," + ",".join(["%d"] * len(PROBE_COLUMNS))
_TRY_AGAIN_CYCLES = const(600)


class Report:
    """`step` once a cycle."""

    def __init__(self, app):
        self._app = app
        self._state = app.treatment.state
        self._fault = 0
        self._armed = False
        self._quiet = 0  # cycles for which nothing speaks against writing flash

    def step(self):
        app = self._app
        if app.treatment.state != self._state:
            self._tell_state()
        if app.safety.fault != self._fault:
            self._tell_fault()
        while app.alarms.take():
            self.tell_alarm(app.alarms)
        self._tell_row()
        if app.sensing.fresh_dark and app.treatment.armed():
            self._tell_frame()
        app.link.flush()
        self._keep()

    def why(self):
        """Why the treatment has ended or is paused."""
        state = self._app.treatment
        return state.paused_for if state.state == treatment.PAUSED else state.end

    def tell(self):
        """State and fault again, for a host that has missed them."""
        app = self._app
        self.send_state()
        if app.safety.fault:
            self.send_fault()
        for number, priority in notices.TABLE:
            if app.alarms.is_on(number):
                self._send_alarm(app.count, number, priority, 1, app.alarms.silenced)

    def _tell_state(self):
        app = self._app
        self._state = app.treatment.state
        self.send_state()
        armed = app.treatment.armed()
        if armed and not self._armed:
            app.store.count("treatments", 1)
        elif self._armed and not armed:
            app.store.count("emission_s", app.situation.emission_ms // 1000)
            app.store.count("energy_j", app.situation.energy_mj // 1000)
        self._armed = armed
        app.store.note("S", app.count, self._state, -1, self.why(), 0)

    def send_state(self):
        app = self._app
        app.link.send("S", "%d,%d,%d" % (app.count, app.treatment.state, self.why()))

    def _tell_fault(self):
        app, safety = self._app, self._app.safety
        self._fault = safety.fault
        if not safety.fault:
            app.store.unlatch()
            return
        self.send_fault()
        app.store.note("F", app.count, safety.fault, safety.where, safety.value, safety.limit)
        if safety.hard and safety.fault not in faults.NEEDS_SERVICE:
            app.store.latch(safety.fault, safety.where, safety.value, safety.limit)

    def send_fault(self):
        app, safety = self._app, self._app.safety
        row = faults.CATALOGUE[safety.fault]
        figures = (app.count, safety.fault, safety.where, safety.value, safety.limit)
        texts = (row[4], row[0] + self._detail(safety.fault), row[6])
        app.link.send("F", "%d,%d,%d,%d,%d," % figures + ",".join([text.replace(",", ";") for text in texts]))

    def _detail(self, fault):
        """Which file it is, for what is found at the start."""
        texts = {faults.FIRMWARE_DIFFERS: self._app.problem, faults.STORE_CORRUPT: self._app.store.problem}
        text = texts.get(fault, "")
        return ": " + text if text else ""

    def tell_alarm(self, alarms):
        """`L,sequence,cycle,number,priority,on,silenced,name`; number 0 is the audio pause."""
        app, number = self._app, alarms.change_number
        self._send_alarm(alarms.change_cycle, number, alarms.change_priority, alarms.change_on, alarms.change_silenced)
        if alarms.change_priority >= faults.MEDIUM:
            app.store.note("A", alarms.change_cycle, number, -1, alarms.change_on, alarms.change_priority)

    def _send_alarm(self, cycle, number, priority, on, silenced):
        name = faults.CATALOGUE[number][0].replace(",", ";") if number else "audio paused"
        self._app.link.send("L", "%d,%d,%d,%d,%d,%s" % (cycle, number, priority, on, silenced, name))

    def _tell_row(self):
        app = self._app
        situation, sensing, status = app.situation, app.sensing, app.sensing.status
        row = _ROW % (
            app.count,
            app.treatment.state,
            app.control.reason,
            app.safety.fault,
            self.why(),
            situation.inputs,
            app.board.interlock.interrupts,
            app.command,
            app.safety.first_seen() if app.safety.evidence else 0,
            app.alarms.top,
            app.board.indicators.mask,
            situation.supply_mv,
            status[0],
            status[1],
            status[2],
            status[3],
            app.control_mc(),
            min(sensing.dark_age[sensing.control], 9999),
            app.control.wanted_mw,
            app.allowed_mw,
            app.board.laser.duty_u16,
            app.pulsed,
            situation.delivered_mw,
            situation.energy_mj,
            situation.emission_ms,
            app.treatment.hold_ms,
            app.dose.umin,
            app.link.dropped,
        )
        if sensing.fresh:
            row += _PROBE_ROW % tuple([sensing.fresh] + sensing.tc_mc + sensing.cj_mc + sensing.sr)
        app.link.send("T", row)

    def _tell_frame(self):
        estimate, control = self._app.estimate, self._app.sensing.control
        figures = [self._app.count]
        for light in estimate.artefacts:
            figures += [light.mean_mc, light.artefact_mc, light.doubt_mc(), light.sway_mc]
        light, answer = estimate.artefacts[control], estimate.answers[control]
        figures += [light.shape_q10, light.windows, self._app.control.kp_mw_per_c]
        figures += [answer.after_30_s(), estimate.plateau_mc(self._app.settings.cap_mw)]
        self._app.link.send("E", _FRAME_ROW % tuple(figures))

    def _keep(self):
        """Write the store, but never while armed or hot: erasing flash stops everything for up to half a second."""
        app = self._app
        if app.treatment.armed() or app.sensing.hot() or app.board.laser.duty_u16:
            self._quiet = 0
            return
        self._quiet += 1
        if not app.store.dirty or self._quiet % limits.FRAME_CYCLES:
            return
        if app.alarms.is_on(faults.STORE_FAILS) and self._quiet % _TRY_AGAIN_CYCLES:
            return
        self.save()

    def save(self):
        """Write the store now; returns what went wrong, or nothing."""
        app = self._app
        if app.watchdog:
            app.watchdog = app.board.watchdog(limits.SAVING_MS)
        problem = app.store.save()
        if app.watchdog:
            app.watchdog = app.board.watchdog(limits.WATCHDOG_MS)
        app.alarms.set(faults.STORE_FAILS, problem != "")
        return problem
