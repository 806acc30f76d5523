"""What the host may ask for. No command starts emission by itself, raises a hard limit or clears a fault."""

import control
import faults
import treatment
import version
from drivers import interlock, max31856

_PROBLEM_MAX = 190  # what fits into an answer


def handle(app, fields):
    """Carry out one command and answer it: `A,sequence,command's sequence,1 or 0,what was wrong`."""
    name, sequence = fields[0], fields[1]
    action = ACTIONS.get(name)
    problem = action(app, fields[2:]) if action else "unknown command " + name
    app.link.send("A", "%d,%d,%s" % (sequence, 0 if problem else 1, problem[:_PROBLEM_MAX].replace(",", ";")))


def hello(app, args):
    """Handshake: who is here and what the numbers mean."""
    if not args or args[0] != str(version.PROTOCOL):
        return "protocol %d is spoken here: install the matching host tool or firmware" % version.PROTOCOL
    app.link.send(
        "H", "%d,%s,%s,%s,%s" % (version.PROTOCOL, version.VERSION, app.board_name, app.unique_id, app.manifest)
    )
    for topic, words in (
        ("columns", app.COLUMNS),
        ("probe_columns", app.PROBE_COLUMNS),
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
    if app.treatment.armed() or app.treatment.state == treatment.FAULT:
        return "not while " + treatment.STATES[app.treatment.state]
    if not args:
        return "plan: begin, put or commit"
    if args[0] == "begin":
        app.settings.begin()
        return ""
    if args[0] == "put":
        return _put(app.settings, args[1:])
    if args[0] == "commit":
        problem = app.settings.commit()
        if not problem:
            app.plan_taken()
        return problem
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
    problem = "; ".join(why_not_arm(app))
    if not problem:
        app.request_arm()
    return problem


def start(app, args):
    """Ask to start or resume: hands at the device press the footswitch within 30 s."""
    if app.treatment.state not in (treatment.READY, treatment.PAUSED):
        return "not while " + treatment.STATES[app.treatment.state]
    app.request_start()
    return ""


def pause(app, args):
    app.request(treatment.PAUSE)
    return ""


def stop(app, args):
    app.request(treatment.STOP)
    return ""


ACTIONS = {"hello": hello, "plan": plan, "arm": arm, "start": start, "pause": pause, "stop": stop}

_CONTACTS = (
    (interlock.EMERGENCY_STOP, faults.EMERGENCY_STOP),
    (interlock.KEY, faults.KEY_OFF),
    (interlock.REMOTE, faults.REMOTE_OPEN),
    (interlock.FIBRE, faults.FIBRE_OPEN),
)


def why_not_arm(app):
    """Everything that stands against arming, as short texts; empty if nothing does."""
    reasons = []
    if not app.settings.complete:
        reasons.append("no plan")
    for bit, fault in _CONTACTS:
        if not app.situation.inputs & bit:
            reasons.append(faults.CATALOGUE[fault][0])
    if not app.settings.complete:
        return reasons
    sensing = app.sensing
    for i in range(4):
        if sensing.roles[i] and sensing.status[i] != max31856.OK:
            reasons.append("probe %d has no valid reading" % i)
    if not sensing.control_ok():
        reasons.append("no dark reading of the control probe yet")
    return reasons
