"""What is told without stopping anything: the warnings of the fault catalogue, and the alarm of a latched fault.

Pure; one step a cycle.
"""

from micropython import const

import control
import faults
import limits
import treatment

_OFF_CYCLES = const(3)
_LOST_CYCLES = const(100)  # how long lost rows are told
TABLE = [(number, row[2]) for number, row in sorted(faults.CATALOGUE.items()) if row[2]]


class Notices:
    """Sets the alarms from the situation."""

    def __init__(self, alarms, situation, safety, law):
        self._alarms = alarms
        self._situation = situation
        self._safety = safety
        self._law = law
        self._fault = 0
        self._off = 0
        self._dropped = 0
        self._lost = 0

    def step(self, dropped):
        """One cycle; `dropped` counts the lines that the link has lost so far."""
        alarms = self._alarms
        self._tell_fault()
        emitting = self._situation.treatment.emitting()
        alarms.set(faults.DELIVERED_OFF, self._delivered_off(emitting))
        alarms.set(faults.SATURATED, emitting and self._law.reason == control.AT_CAP)
        alarms.set(faults.TIP_LIMITS, emitting and self._law.reason == control.TIP_LIMITED)
        diagnosis = self._situation.diagnosis
        alarms.set(faults.OUT_OF_REACH, emitting and diagnosis.out_of_reach)
        alarms.set(faults.VESSEL, emitting and diagnosis.vessel >= 0)
        off = diagnosis.blood_percent - 100
        alarms.set(faults.BLOOD, emitting and not -limits.BLOOD_PERCENT <= off <= limits.BLOOD_PERCENT)
        alarms.set(faults.CONFIRM, self._to_confirm())
        alarms.set(faults.ROWS_LOST, self._rows_lost(dropped))

    def _tell_fault(self):
        fault = self._safety.fault
        if fault != self._fault:
            if self._fault:
                self._alarms.set(self._fault, False)
            if fault:
                self._alarms.set(fault, True)
            self._fault = fault

    def _delivered_off(self, emitting):
        """Delivered is not within a fifth of what was wanted, three lit cycles in a row."""
        situation = self._situation
        wanted = situation.commanded_mw
        if not emitting:
            self._off = 0
        if wanted < limits.DELIVERED_FROM_MW:
            return self._off >= _OFF_CYCLES
        margin = wanted * limits.DELIVERED_WITHIN_PERCENT // 100 + limits.DELIVERED_MARGIN_MW
        off = situation.delivered_mw - wanted
        if -margin <= off <= margin:
            self._off = 0
        elif self._off < _OFF_CYCLES:
            self._off += 1
        return self._off >= _OFF_CYCLES

    def _to_confirm(self):
        situation = self._situation
        if situation.treatment.state != treatment.HOLDING:
            return False
        left_ms = situation.settings.confirm_ms - situation.unconfirmed_ms
        return left_ms <= limits.CONFIRM_WARNING_CYCLES * limits.CYCLE_MS

    def _rows_lost(self, dropped):
        if dropped != self._dropped:
            self._dropped = dropped
            self._lost = _LOST_CYCLES
        elif self._lost:
            self._lost -= 1
        return self._lost > 0
