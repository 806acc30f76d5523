"""Service: calibration, laser table, name and key of the device. It cannot arm, and leaving it is a reset.

It is entered by `service,enter` in standby while the service input is held, or by holding that input at power-up.
"""

import treatment
from drivers import interlock

_SHOWN = 150  # letters of a section in one line


def handle(app, args):
    """`service,what,…`; what there is stands in ACTIONS."""
    if not args or args[0] not in ACTIONS:
        return "service: one of " + " ".join(sorted(ACTIONS))
    if args[0] == "enter":
        return enter(app, args[1:])
    if app.treatment.state != treatment.SERVICE:
        return "only in service: hold the service input and ask for service;enter in standby"
    try:
        return ACTIONS[args[0]](app, args[1:])
    except (ValueError, IndexError):
        return "service;%s: a value is missing, or is no number" % args[0]


def enter(app, args):
    """Reset into service: asked for in standby, with the service input held."""
    if app.treatment.state not in (treatment.STANDBY, treatment.FAULT):
        return "not while " + treatment.STATES[app.treatment.state]
    if not app.situation.inputs & interlock.SERVICE:
        return "hold the service input while asking"
    app.enter_service()
    return ""


def leave(app, args):
    """Write what was set, then reset."""
    problem = app.report.save()
    if not problem:
        app.leave_service()
    return problem


def calibration(app, args):
    """`channel,offset_mc,slope_ppm,quadratic_ppm_per_100c,serial,date`."""
    channel = int(args[0])
    if not 0 <= channel < 4:
        return "channel %d: there are 0 to 3" % channel
    values = [dict(one) for one in app.store.section("calibration")]
    values[channel] = {
        "offset_mc": int(args[1]),
        "slope_ppm": int(args[2]),
        "quadratic_ppm_per_100c": int(args[3]),
        "serial": args[4],
        "date": args[5],
    }
    return app.store.put("calibration", values)


def laser(app, args):
    """`full_scale_mw,mw:duty,mw:duty,…`, rising from 0 mW."""
    points = [[int(number) for number in pair.split(":")] for pair in args[1:]]
    return app.store.put("laser", {"full_scale_mw": int(args[0]), "points": points})


def name(app, args):
    device = dict(app.store.section("device"))
    device["name"] = args[0]
    return app.store.put("device", device)


def key(app, args):
    """64 hexadecimal digits, or none for the default; counts from the next boot on."""
    device = dict(app.store.section("device"))
    device["key"] = args[0] if args else ""
    return app.store.put("device", device)


def show(app, args):
    """`V,sequence,section,at,size,text`: a section as JSON, its key left out, commas as semicolons."""
    import json

    value = app.store.section(args[0]) if args[0] in ("device", "calibration", "laser", "counters", "latch") else None
    if value is None:
        return "no such section"
    if args[0] == "device":
        value = {"name": value["name"], "own_key": value["key"] != ""}
    text = json.dumps(value).replace(",", ";")
    for at in range(0, len(text), _SHOWN):
        app.link.send("V", "%s,%d,%d,%s" % (args[0], at, len(text), text[at : at + _SHOWN]))
    return ""


def start_over(app, args):
    """Give up a store that cannot be read; what is set from now on is kept."""
    return app.store.start_over()


def save(app, args):
    """Write the store now and say whether that worked."""
    return app.report.save()


ACTIONS = {
    "enter": enter,
    "leave": leave,
    "calibration": calibration,
    "laser": laser,
    "name": name,
    "key": key,
    "show": show,
    "start-over": start_over,
    "save": save,
}
