"""What tools/demo shows, once the program is built: its acts, one after the other."""

import os
import signal
import sys

try:
    from demonstration import chain, lanes, limits, mutual_tls, pushes, resilience, services
    from demonstration.stage import GREEN, PLAIN, RED, Stage, Trouble
except ModuleNotFoundError as missing:
    sys.exit(f"{sys.argv[0]}: {sys.executable} has no module {missing.name!r}. Start tools/demo, which installs what it needs and takes "
             "/usr/bin/python3.")


def main():
    for number in signal.SIGTERM, signal.SIGHUP:  # SIGHUP: the terminal was closed
        signal.signal(number, lambda *_: sys.exit(1))
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where nginx lies, which only root's PATH has
    stage = Stage()
    try:
        # Each of them, whatever came of those before.
        worked = all([act.show(stage) for act in (services, mutual_tls, resilience, pushes, chain, limits, lanes)])
        print(f"  {GREEN}everything worked{PLAIN}" if worked else f"  {RED}something did not work: see above{PLAIN}", flush=True)
        if "--once" not in sys.argv[1:]:
            print("  it all goes on until you press Ctrl-C", flush=True)
            signal.pause()
        return 0 if worked else 1
    except Trouble as trouble:
        print(f"  {RED}{trouble}{PLAIN}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 0
    finally:
        stage.close()


sys.exit(main())
