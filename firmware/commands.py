"""What the host may ask for. No command starts emission by itself, raises a hard limit or clears a fault."""

import control
import faults
import hazards
import report
import service
import treatment
import version
from drivers import interlock

_UNSIGNED = ("hello", "stop", "pause")
_JOURNAL_LINES = 8


def handle(app, fields):
    """Carry out one command and answer it: `A,sequence,command's sequence,1 or 0,what was wrong`."""
    name, sequence = fields[0], fields[1]
    if name not in _UNSIGNED:
        app.situation.lease_ms = 0
    if name == "beat":
        return
    action = ACTIONS.get(name)
    app.link.answer(sequence, action(app, fields[2:]) if action else "unknown command " + name)


def hello(app, args):
    """Handshake: who is here and what the numbers mean."""
    if not args or args[0] != str(version.PROTOCOL):
        return "protocol %d is spoken here: install the matching host tool or firmware" % version.PROTOCOL
    link = app.link
    who = (version.PROTOCOL, version.VERSION, app.board_name, app.unique_id, app.manifest)
    link.send("H", "%d,%s,%s,%s,%s," % who + "%s,%d" % (link.session.nonce, link.highest))
    for topic, words in (
        ("columns", report.COLUMNS),
        ("probe_columns", report.PROBE_COLUMNS),
        ("frame_columns", report.FRAME_COLUMNS),
        ("states", treatment.STATES),
        ("reasons", control.REASONS),
    ):
        _send_words(app, topic, words)
    return ""


def _send_words(app, topic, words):
    """`N,sequence,topic,number of words,index of the first here,words…`, in lines short enough for the link."""
    at = 0
    while at < len(words):
        end = at
        size = 0
        while end < len(words) and size + len(words[end]) < 150:
            size += len(words[end]) + 1
            end += 1
        app.link.send("N", "%s,%d,%d,%s" % (topic, len(words), at, ",".join(words[at:end])))
        at = end


def plan(app, args):
    """`plan,begin`, `plan,put,name=value,…`, `plan,commit`: only while nothing is armed."""
    if app.treatment.state not in (treatment.STANDBY, treatment.COMPLETE):
        return "not while " + treatment.STATES[app.treatment.state]
    if not args:
        return "plan: begin, put or commit"
    if args[0] == "begin":
        app.settings.begin()
        return ""
    if args[0] == "put":
        return _put(app.settings, args[1:])
    if args[0] == "commit":
        return app.settings.commit() or app.plan_taken()
    return "plan: begin, put or commit"


def _put(settings, pairs):
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            number = int(value)
        except ValueError:
            return name + " is no integer"
        problem = settings.put(name, number)
        if problem:
            return problem
    return ""


def arm(app, args):
    """Ask to be armed: hands at the device press the ready button within 30 s."""
    if app.treatment.state != treatment.STANDBY:
        return "not while " + treatment.STATES[app.treatment.state]
    problem = "; ".join([text for _, text in why_not_arm(app)])
    if not problem:
        app.hands.request_arm()
    return problem


def why(app, args):
    """`W,sequence,index,how many,number,text`: each thing that stands against arming."""
    reasons = why_not_arm(app)
    for i, (number, text) in enumerate(reasons):
        app.link.send("W", "%d,%d,%d,%s" % (i, len(reasons), number, text))
    return ""


def start(app, args):
    """Ask to start or resume: hands at the device press the footswitch within 30 s."""
    if app.treatment.state not in (treatment.READY, treatment.PAUSED):
        return "not while " + treatment.STATES[app.treatment.state]
    problem = "; ".join([text for _, text in _seen(app)])
    if not problem:
        app.hands.request_start()
    return problem


def pause(app, args):
    app.request(treatment.PAUSE)
    return ""


def stop(app, args):
    app.request(treatment.STOP)
    return ""


def silence(app, args):
    """As the silence button: pauses the sound for two minutes, or ends the pause."""
    app.silence_asked = True
    return ""


def status(app, args):
    """State and fault once more."""
    app.report.tell()
    return ""


def journal(app, args):
    """`journal,from`: up to eight entries from there on, 0 the newest.

    `J,sequence,index,how many,boot,cycle,kind,number,where,value,limit`.
    """
    if len(args) != 1 or not args[0].isdigit() or len(args[0]) > 4:
        return "journal: from which entry on, 0 is the newest"
    first, store = int(args[0]), app.store
    for i in range(first, min(first + _JOURNAL_LINES, store.journal_count())):
        entry = ",".join([str(value) for value in store.journal(i)])
        app.link.send("J", "%d,%d,%s" % (i, store.journal_count(), entry))
    return ""


ACTIONS = {
    "hello": hello,
    "plan": plan,
    "arm": arm,
    "start": start,
    "pause": pause,
    "stop": stop,
    "why": why,
    "silence": silence,
    "status": status,
    "journal": journal,
    "service": service.handle,
}


def why_not_arm(app):
    """Everything that stands against arming: pairs of number and text; empty if nothing does."""
    reasons = _seen(app)
    if not app.settings.complete:
        reasons.append(_reason(faults.NO_PLAN, -1))
    if app.alarms.is_on(faults.STORE_FAILS):
        # What was signed before the last reset could count again: the number of this boot was not kept.
        reasons.append(_reason(faults.STORE_FAILS, -1))
    if not app.hands.key_turned:
        reasons.append(_reason(faults.KEY_NOT_TURNED, -1))
    if app.situation.inputs & (interlock.FOOTSWITCH | interlock.READY_BUTTON):
        reasons.append(_reason(faults.BUTTON_STUCK, -1))
    return reasons


def _seen(app):
    """What the hazards see now; before there is a plan, not what depends on one."""
    safety = app.safety
    reasons = []
    for i in range(len(safety.seen)):
        if safety.seen[i] and (app.settings.complete or i < hazards.CONTACTS):
            reasons.append(_reason(safety.seen[i], safety.seen_where[i]))
    return reasons


def _reason(number, where):
    text = faults.CATALOGUE[number][0].replace(",", ";")
    return number, text + " (probe %d)" % where if where >= 0 else text
