"""Processes that are killed without warning: a parent that has imported all, and forks a child for every death."""

import os
import random
import signal
import subprocess
import sys
import time

PARENT = """
import os, sys
{imports}
for line in sys.stdin:
    folder = line.rstrip()
    child = os.fork()
    if not child:
        def acknowledge(text):
            os.write(1, f"{{text}}\\n".encode())
        acknowledge(os.getpid())
{body}
        os._exit(1)
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


def deaths(imports, body, folders, *, seed, step, longest_s):
    """Kill a child in each folder; yields the folder and what the child had acknowledged.

    The first dies within `longest_s` of its birth, the next as soon after it has acknowledged `step` things, and so on.
    """
    code = PARENT.format(imports=imports, body="\n".join(f"        {line}" for line in body.splitlines()))
    chance = random.Random(seed)
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for place, folder in enumerate(folders):
            parent.stdin.write(f"{folder}\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline())
            told = [parent.stdout.readline().rstrip() for _ in range(place * step)]
            time.sleep(chance.uniform(0, longest_s))
            os.kill(child, signal.SIGKILL)
            while (line := parent.stdout.readline().rstrip()) != "dead":
                assert line or parent.poll() is None, "the parent is gone"
                told.append(line)
            yield folder, told
    finally:
        parent.kill()
        parent.communicate()
