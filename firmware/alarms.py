"""Alarm signals: which lamp and what sound for the alarms that are on, the silence button, and what changed.

After IEC 60601-1-8:2006+A1:2012+A2:2020, as public analyses quote it: table 2 (lamps: high red 1.4-2.8 Hz, medium
yellow 0.4-0.8 Hz, both 20-60 % on; low yellow, constant), tables 3 and 4 (bursts: high 10 pulses of 75-200 ms, medium
3 of 125-250 ms, low 1 or 2), 6.8 (audio paused: for a limited time, shown, ended by hand; it hides no lamp and no new
alarm), 6.10 (however brief, a high alarm gives half a burst and a medium one a whole one), 6.12 (the record).

The lamps and the buzzer speak for the highest priority only; what else is on stands in the record. All times are in
cycles of 100 ms. Pure; `set` and `step` allocate nothing.
"""

from micropython import const

NONE = const(0)
LOW = const(1)
MEDIUM = const(2)
HIGH = const(3)

_PAUSE = const(1200)  # audio is paused for at most 120 s
_NEVER = const(0x3FFFFFFF)  # over three years

# Lamps: red 0.2 s of 0.5 s (2 Hz, 40 %), yellow 1 s of 2 s (0.5 Hz, 50 %), while paused 0.5 s of 2 s (25 %).
_RED_PERIOD = const(5)
_RED_ON = const(2)
_YELLOW_PERIOD = const(20)  # a multiple of the red one: both run on one counter
_YELLOW_ON = const(10)
_YELLOW_ON_PAUSED = const(5)

# A table's places are the priorities. A burst's lowest bit is its first cycle:
# low 2 pulses of 0.2 s, 0.2 s apart; medium 3 of them; high 10 pulses of 0.1 s in groups of 3, 2, 3 and 2,
# 0.1 s apart, 0.3 s between groups, 0.4 s between the halves.
_BURSTS = (0, 0b110011, 0b1100110011, 0b10100010101000010100010101)
# From one burst's start to the next: high after 3.4 s of quiet (2.5-15 s), medium 9 s (2.5-30 s), low not again.
_PERIODS = (_NEVER, _NEVER, 100, 60)
# The earliest start after another, for a new alarm of a priority that already sounds: 2.5 s of quiet, low over 15 s.
_EARLIEST = (0, 157, 35, 51)
# How long an alarm shows at the least, however brief: half a high burst and 3 flashes, a medium burst and 1 flash.
_SHORTEST = (0, 10, 20, 15)

_TEST = const(10)
_TEST_CHIRP = const(2)

_RECORD = const(64)  # changes kept until they are taken
_UNKNOWN = const(255)


class Alarms:
    """One table of alarms, `(number, priority)` each, numbers 1-254. Raises ValueError for another table.

    After `step`: `red`, `yellow` and `buzzer` (0 or 1); `priority` of the highest alarm that is on and `top`, its
    number (the first that came, 0 for none); `silenced` (1 while the audio is paused) and `silence_left` in cycles.
    `changed` says how many changes wait for `take`; `lost` counts those that found no room (up to 9999).
    """

    def __init__(self, table):
        self.red = self.yellow = self.buzzer = 0
        self.priority = NONE
        self.top = 0
        self.silenced = 0
        self.silence_left = 0
        self.changed = 0
        self.lost = 0
        self.change_cycle = self.change_number = self.change_priority = self.change_on = self.change_silenced = 0
        self._slots = bytearray([_UNKNOWN] * 256)
        self._numbers = bytearray(len(table))
        self._priorities = bytearray(len(table))
        for slot, (number, priority) in enumerate(table):
            if not (0 < number < _UNKNOWN and LOW <= priority <= HIGH and self._slots[number] == _UNKNOWN):
                raise ValueError("alarm %d, priority %d" % (number, priority))
            self._slots[number] = slot
            self._numbers[slot] = number
            self._priorities[slot] = priority
        self._on = bytearray(len(table))
        self._queue = bytearray(len(table))  # the slots that are on, in the order in which they came
        self._queued = 0
        self._fresh = NONE  # highest priority that came since the last step
        self._owed = bytearray(HIGH + 1)  # cycles for which each priority has to show still
        self._shown = NONE
        self._flash = 0
        self._sounding = NONE
        self._burst = 0
        self._again = False
        self._was_pressed = False
        self._test = 0
        self._record_cycle = [0] * _RECORD
        self._record_number = bytearray(_RECORD)
        self._record_priority = bytearray(_RECORD)
        self._record_on = bytearray(_RECORD)
        self._record_silenced = bytearray(_RECORD)
        self._first = 0
        self._noted = 0  # with those that `step` has not dated yet

    # Conditions

    def set(self, number, active):
        """Say, each cycle or on change, whether the alarm is on. IndexError for a number that the table lacks."""
        slot = self._slots[number]
        if active:
            if not self._on[slot]:
                self._come(slot)
        elif self._on[slot]:
            self._go(slot)

    def is_on(self, number):
        """True while the alarm is on. IndexError for a number that the table lacks."""
        return self._on[self._slots[number]] == 1

    def test(self):
        """Both lamps for the next second of steps, and one chirp; whatever else there is to show waits for its end."""
        self._test = _TEST

    def _come(self, slot):
        priority = self._priorities[slot]
        self._on[slot] = 1
        self._queue[self._queued] = slot
        self._queued += 1
        self._owed[priority] = _SHORTEST[priority]
        if priority > self._fresh:
            self._fresh = priority
        self._note(self._numbers[slot], priority, 1)

    def _go(self, slot):
        self._on[slot] = 0
        at = 0
        while self._queue[at] != slot:
            at += 1
        self._queued -= 1
        while at < self._queued:
            self._queue[at] = self._queue[at + 1]
            at += 1
        self._note(self._numbers[slot], self._priorities[slot], 0)

    # Signals

    def step(self, count, silence_pressed):
        """One cycle, number `count`, after its alarms were set; the button as it is now, True while pressed."""
        pressed = silence_pressed and not self._was_pressed
        self._was_pressed = silence_pressed
        self._find_top()
        if self._test:
            self._show_test()
        else:
            shown = self._to_show()
            self._pause(pressed, shown)
            self._light(shown)
            self._sound(shown)
            self._fresh = NONE
        if self.changed < self._noted:
            self._date(count)

    def _find_top(self):
        self.priority = NONE
        self.top = 0
        for i in range(self._queued):
            slot = self._queue[i]
            if self._priorities[slot] > self.priority:
                self.priority = self._priorities[slot]
                self.top = self._numbers[slot]

    def _show_test(self):
        self.buzzer = 1 if self._test > _TEST - _TEST_CHIRP else 0
        self._test -= 1
        self.red = self.yellow = 1

    def _to_show(self):
        """The highest priority that is on or has not shown long enough."""
        shown = self.priority
        for priority in range(LOW, HIGH + 1):
            if self._owed[priority]:
                self._owed[priority] -= 1
                if priority > shown:
                    shown = priority
        return shown

    def _pause(self, pressed, shown):
        """The button pauses the audio or ends the pause; so does time, a new alarm, and that nothing is left to pause.

        A new alarm voids a press of the same cycle: nobody has heard it yet. A low one sounds but once, so that it
        neither ends a pause nor needs one.
        """
        before = self.silenced
        if before:
            self.silence_left = 0 if pressed else self.silence_left - 1
        elif pressed:
            self.silence_left = _PAUSE
        if shown < MEDIUM or self._fresh >= MEDIUM:
            self.silence_left = 0
        self.silenced = 1 if self.silence_left else 0
        if self.silenced != before:
            self._note(0, shown, self.silenced)

    def _light(self, shown):
        """A pause shows beside the red lamp as yellow without flashing, and in the yellow one as shorter flashes."""
        self._flash = (self._flash + 1) % _YELLOW_PERIOD if shown == self._shown else 0
        self._shown = shown
        self.red = self.yellow = 0
        if shown == HIGH:
            self.red = 1 if self._flash % _RED_PERIOD < _RED_ON else 0
            self.yellow = self.silenced
        elif shown == MEDIUM:
            self.yellow = 1 if self._flash < (_YELLOW_ON_PAUSED if self.silenced else _YELLOW_ON) else 0
        elif shown == LOW:
            self.yellow = 1

    def _sound(self, shown):
        """Another priority, and the end of a pause, begin a burst at once; an alarm of the same waits for its end."""
        sounding = NONE if self.silenced else shown
        if self._fresh == sounding:
            self._again = True
        self._burst += 1
        if (
            sounding != self._sounding
            or self._burst >= _PERIODS[sounding]
            or (self._again and self._burst >= _EARLIEST[sounding])
        ):
            self._burst = 0
            self._again = False
        self._sounding = sounding
        self.buzzer = _BURSTS[sounding] >> self._burst & 1

    # Record

    def take(self):
        """Take the oldest change: False if there is none, else its `change_cycle`, `change_number` (0: the pause),
        `change_priority`, `change_on`, and `change_silenced`, which tells whether the audio was paused then.
        """
        if not self.changed:
            return False
        i = self._first
        self.change_cycle = self._record_cycle[i]
        self.change_number = self._record_number[i]
        self.change_priority = self._record_priority[i]
        self.change_on = self._record_on[i]
        self.change_silenced = self._record_silenced[i]
        self._first = (i + 1) % _RECORD
        self._noted -= 1
        self.changed -= 1
        return True

    def _note(self, number, priority, on):
        """Keep a change; when there is no room the first causes stay."""
        if self._noted == _RECORD:
            if self.lost < 9999:
                self.lost += 1
            return
        i = (self._first + self._noted) % _RECORD
        self._record_number[i] = number
        self._record_priority[i] = priority
        self._record_on[i] = on
        self._noted += 1

    def _date(self, count):
        while self.changed < self._noted:
            i = (self._first + self.changed) % _RECORD
            self._record_cycle[i] = count
            self._record_silenced[i] = self.silenced
            self.changed += 1
