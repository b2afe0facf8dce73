//! Attempts on the machine: files, processes, the network, its secrets.

use std::process::Command;

use serde_json::{Value, json};

use super::python;
use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::{Outcome, Program};

/// What is tried, its category, and the lines: they `return` something when they have it.
const ALL: &[(&str, &str, &str)] = &[
    ("open a file", "files", "return open('/etc/passwd').read()"),
    ("open a file by way of its folder", "files", "return open('../../../../../../../../etc/passwd').read()"),
    ("open a file past `open`", "files", "import _io; return _io.open('/etc/passwd').read()"),
    ("open a file as bytes", "files", "import io; return io.FileIO('/etc/passwd').read().decode()"),
    (
        "open a file by the system's call",
        "files",
        "import os; return os.read(os.open('/etc/passwd', os.O_RDONLY), 99).decode()",
    ),
    ("open a file by a path object", "files", "import pathlib; return pathlib.Path('/etc/passwd').read_text()"),
    (
        "read a file as a module's source",
        "files",
        "from importlib.machinery import SourceFileLoader as L; return L('x', '/etc/passwd').get_data('/etc/passwd').decode()",
    ),
    ("list a folder", "files", "import os; return os.listdir('/')"),
    ("walk through folders", "files", "import os; return next(iter(os.walk('/')))[1]"),
    ("see whether a file is there", "files", "import os; return os.path.exists('/etc/passwd')"),
    ("see what a file is", "files", "import os; return os.stat('/etc/passwd').st_size"),
    (
        "write a file",
        "files",
        "import os, tempfile; p = tempfile.mktemp(); open(p, 'w').write('x'); os.remove(p); return p",
    ),
    ("make a folder", "files", "import os, tempfile; p = tempfile.mkdtemp(); os.rmdir(p); return p"),
    (
        "make a link",
        "files",
        "import os, tempfile; p = tempfile.mktemp(); os.symlink('/etc', p); os.remove(p); return p",
    ),
    ("change the folder", "files", "import os; os.chdir('/etc'); return os.getcwd()"),
    ("read a device", "files", "return open('/dev/urandom', 'rb').read(4).hex()"),
    (
        "map a file into memory",
        "files",
        "import mmap; f = open('/etc/passwd'); return mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:4].decode()",
    ),
    ("read its own environment", "secrets", "return open('/proc/self/environ').read(1)"),
    ("have an environment", "secrets", "import os; return os.environ['PATH']"),
    ("see its own maps", "kernel", "return open('/proc/self/maps').read(4)"),
    ("see the kernel", "kernel", "return open('/proc/version').read(5)"),
    ("name the user", "processes", "import pwd; return pwd.getpwuid(0).pw_name"),
    (
        "start a process",
        "processes",
        "import subprocess; return subprocess.run(['/bin/echo', 'x'], capture_output=True).stdout.decode()",
    ),
    ("start a shell", "processes", "import os; return os.popen('echo x').read()"),
    ("fork", "processes", "import os; p = os.fork()\n    if p == 0: os._exit(0)\n    return os.waitpid(p, 0)[0]"),
    ("start a process past the library", "processes", "import os; return os.posix_spawn('/bin/true', ['true'], {})"),
    ("load a library of the machine", "kernel", "import ctypes; return ctypes.CDLL(None).getpid()"),
    ("load a module in native code", "kernel", "import _ctypes; return _ctypes.dlopen(None, 0)"),
    ("signal a process", "processes", "import os; os.kill(os.getppid(), 0); return 'x'"),
    (
        "start a thread",
        "processes",
        "import _thread, time; a = []; _thread.start_new_thread(a.append, (1,)); time.sleep(.2); return a",
    ),
    ("make a socket", "network", "import socket; return str(socket.socket())"),
    ("make a socket past the library", "network", "import _socket; return str(_socket.socket())"),
    ("make a pair of sockets", "network", "import socket; return str(socket.socketpair())"),
    ("look a name up", "network", "import socket; return socket.getaddrinfo('localhost', 80)[0][4][0]"),
    ("listen", "network", "import socket; return socket.create_server(('127.0.0.1', 0)).getsockname()[0]"),
    (
        "open a file by a URL",
        "network",
        "import urllib.request; return urllib.request.urlopen('file:///etc/passwd').read().decode()",
    ),
    ("wait for descriptors", "kernel", "import select; return str(select.epoll())"),
    ("write to a descriptor", "files", "import os; return os.write(2, b'x')"),
    ("see what a descriptor is", "files", "import os; return os.fstat(0).st_ino"),
    ("limits of the process", "kernel", "import resource; return str(resource.getrlimit(resource.RLIMIT_NOFILE))"),
    (
        "a busy loop and a clock",
        "engine",
        "import time; t = time.perf_counter()\n    for _ in range(10000): pass\n    return time.perf_counter() - t",
    ),
    ("the real time", "engine", "import time; t = time.time(); sum(range(100000)); return time.time() - t"),
];

/// The lines within a function; whatever they raise is an answer.
fn source(lines: &str) -> String {
    format!(
        "def tried():\n    {lines}\n\ndef run(input):\n    try:\n        return {{'got': tried()}}\n    except BaseException as e:\n        return {{'error': repr(e)}}\n"
    )
}

/// It has something.
fn got(outcome: &Outcome) -> bool {
    let nothing = [&Value::Null, &json!(false), &json!([]), &json!(""), &json!(0), &json!(0.0)];
    outcome.output().and_then(|output| output.get("got")).is_some_and(|got| !nothing.contains(&got))
}

/// The same lines in the Python of this machine.
fn outside(lines: &str) -> Value {
    let script = format!("{}\nimport json\nprint(json.dumps(run(None)))", source(lines));
    let output = Command::new("python3").args(["-c", &script]).output().expect("python3 is needed for the controls");
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

pub(super) fn all() -> Vec<Attempt> {
    ALL.iter()
        .map(|(what, category, lines)| Attempt {
            name: (*what).to_owned(),
            category,
            tried: format!("`{}`", lines.replace("\n    ", "; ")),
            ends: Ends::Contained,
            check: got,
            program: Program::Alone(python(&source(lines))),
            control: Program::Outside(Box::new(move || outside(lines))),
            control_is: "the same lines in this machine's Python get it".to_owned(),
        })
        .collect()
}
