# pyright: reportAttributeAccessIssue=false, reportMissingImports=false
"""The firmware's store on littlefs on a flash that fails, at every step of a save; runs in MicroPython's VM.

One scenario comes as JSON in the argument, its result goes as JSON to standard output: `progsize` and `blocks` of the
file system, `entries` that each save adds to the journal, `saves` before the first one looked at, `count` of the saves
looked at one after the other, `mode` ("cut", "fail once", "fail on", "full"), and for "cut" the `parts` done of a step.
"""

import json
import os
import sys

import flash

import store

FOLDER = "/flash"
OTHER = "print('another file')\n" * 200


class Device:
    """One power-up: the file system mounted anew from the flash, as boot would; use with `with`."""

    def __init__(self, chip, progsize):
        self.chip = chip
        self.progsize = progsize

    def __enter__(self):
        os.mount(os.VfsLfs2(self.chip, progsize=self.progsize), FOLDER)
        os.chdir(FOLDER)
        self.store = store.Store()
        self.store.load()
        return self

    def __exit__(self, *error):
        os.chdir("/")
        os.umount(FOLDER)


def content(memory):
    names = ("device", "calibration", "laser", "counters", "latch", "journal")
    return json.loads(json.dumps([memory.section(name) for name in names]))


def change(memory, entries):
    """What a treatment leaves behind, and a new name, so that nothing stays as it was."""
    memory.count("boots", 1)
    memory.count("energy_j", 1234)
    boots = memory.section("counters")["boots"]
    assert memory.put("device", {"name": f"device {boots}", "key": f"{boots:064x}"}) == ""
    for i in range(entries):
        memory.note("F", boots * 1000 + i, 23, i % 4, -boots, 123456)


def prepared(scenario):
    """A flash before the saves looked at: a file system with another file, and as many saves as asked for."""
    chip = flash.Flash(bytearray(b"\xff" * (scenario["blocks"] * flash.SECTOR)))
    os.VfsLfs2.mkfs(chip, progsize=scenario["progsize"])
    with Device(chip, scenario["progsize"]) as device:
        with open("main.py", "w") as file:
            file.write(OTHER)
        for _ in range(scenario["saves"]):
            change(device.store, scenario["entries"])
            assert device.store.save() == ""
    return chip.image


class Trials:
    """Every way to fail in one save, from the same image; `result` counts, and keeps what went wrong."""

    def __init__(self, scenario, image, result):
        self.scenario = scenario
        self.image = image
        self.result = result
        chip = flash.Flash(bytearray(image))
        with self.on(chip) as device:
            self.state = device.store.state
            self.old = content(device.store)
            change(device.store, scenario["entries"])
            self.new = content(device.store)
            problem = device.store.save()
        self.after = chip.image
        self.steps = "".join(chip.steps)
        self.result["steps"].append(self.steps)
        if problem:
            self.failed("without a fault", problem)

    def on(self, chip):
        return Device(chip, self.scenario["progsize"])

    def failed(self, trial, what):
        self.result["failures"].append(f"{trial}: {what}")

    def cut(self, number, part):
        """The power goes at that step; afterwards it is the old or the new content, and the next save works."""
        trial = f"step {number}, part {part}"
        image = self.saved_on(flash.Flash(bytearray(self.image), number, part), trial)
        # Every few, the power goes once more in the save that follows.
        if (number + part) % 7 == 0 and self.survived(image, trial):
            image = self.saved_on(flash.Flash(image, 1 + number * 5 % len(self.steps), part), trial)
            self.result["cut twice"] += 1
        kept = self.survived(image, trial)
        if kept:
            self.result[kept] += 1
            self.saves_again(image, trial)

    def saved_on(self, chip, trial):
        """The image that is left of a save on this chip."""
        self.result["trials"] += 1
        with self.on(chip) as device:
            if device.store.section("counters") == self.old[3]:
                change(device.store, self.scenario["entries"])
            else:
                device.store.dirty = True
            if not device.store.save() and chip.dead:
                self.failed(trial, "saved without power")
        self.result["overwrites"] += chip.overwrites
        return chip.image

    def survived(self, image, trial):
        """Which content is there, "old" or "new"; anything else is a failure."""
        with self.on(flash.Flash(image)) as device:
            memory, found = device.store, content(device.store)
            kept = "old" if found == self.old else "new" if found == self.new else ""
            states = ("good",) if self.state == "good" or kept == "new" else ("fresh",)
            if not kept:
                self.failed(trial, "neither the old nor the new content, but " + json.dumps(found)[:200])
            elif memory.state not in states or memory.problem:
                self.failed(trial, f"{kept} content is {memory.state}, {memory.problem}")
            with open("main.py") as file:
                if file.read() != OTHER:
                    self.failed(trial, "another file has changed")
        return kept

    def saves_again(self, image, trial):
        with self.on(flash.Flash(image)) as device:
            change(device.store, 1)
            wanted = content(device.store)
            problem = device.store.save()
        with self.on(flash.Flash(image)) as device:
            if problem or content(device.store) != wanted or device.store.state != "good":
                self.failed(trial, f"next save: {problem}, then {device.store.state}")

    def fail(self, number, fail_on):
        """The flash tells an error: `save` tells it, loses nothing, and works when the flash does."""
        trial = f"error at step {number}"
        chip = flash.Flash(bytearray(self.image), 0, 0, number, fail_on)
        self.result["trials"] += 1
        with self.on(chip) as device:
            change(device.store, self.scenario["entries"])
            problem = device.store.save()
            if device.store.dirty != (problem != "") or content(device.store) != self.new:
                self.failed(trial, "memory has changed")
            if not fail_on and device.store.save():
                self.failed(trial, "still fails when the flash works")
        kept = self.survived(chip.image, trial)
        if kept == "old" and not problem:
            self.failed(trial, "what was saved is lost")
        if kept:
            self.result[kept] += 1
            self.saves_again(chip.image, trial)

    def full(self):
        """No room: `save` tells it, nothing is lost, and it works when there is room."""
        self.result["trials"] += 1
        chip = flash.Flash(bytearray(self.image))
        with self.on(chip) as device:
            fillers = filled()
            change(device.store, self.scenario["entries"])
            problem = device.store.save()
            if not problem.startswith("store/") or not device.store.dirty or content(device.store) != self.new:
                self.failed("full", f"'{problem}', dirty {device.store.dirty}")
        kept = self.survived(chip.image, "full")
        if kept:
            self.result[kept] += 1
        with self.on(chip):
            for name in fillers:
                os.remove(name)
        self.saves_again(chip.image, "full")


def filled():
    """Files of a block each until there is no room left; their names."""
    names = []
    try:
        while True:
            names.append(f"filler{len(names)}")
            with open(names[-1], "wb") as file:
                file.write(bytes(4000))
    except OSError:
        return names


def main(scenario):
    result = {"steps": [], "trials": 0, "old": 0, "new": 0, "cut twice": 0, "overwrites": 0, "failures": []}
    image = prepared(scenario)
    for _ in range(scenario["count"]):
        trials = Trials(scenario, image, result)
        if scenario["mode"] == "full":
            trials.full()
        for number in range(1, len(trials.steps) + 1):
            if scenario["mode"] == "cut":
                for part in scenario["parts"]:
                    trials.cut(number, part)
            elif scenario["mode"] != "full":
                trials.fail(number, scenario["mode"] == "fail on")
        image = trials.after
    print(json.dumps(result))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
