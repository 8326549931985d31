import socket

import pytest

from studio.preflight import NotReadyError, check_data_dir, install_command, listen


def test_a_port_in_use_is_named_with_the_way_out():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(NotReadyError, match=rf"Port {port} is in use.*--port {port + 1}"):
            listen("127.0.0.1", port)


def test_a_folder_that_takes_no_files_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotReadyError, match=r"Choose another with --data DIR"):
        check_data_dir(tmp_path / "file" / "data")


def test_missing_libraries_are_named_with_one_command():
    missing = [("libnowhere.so.1", "libnowhere1"), ("libc.so.6", "libc6"), ("libgone.so", "gone1")]
    assert install_command(missing) == "sudo apt-get install -y libnowhere1 gone1"


def test_nothing_missing_needs_no_command():
    assert install_command([("libc.so.6", "libc6")]) == ""
