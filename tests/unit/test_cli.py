"""The command line: every command has a help text, and a wrong place or word gets one sentence."""

import pytest

from mlsd_lib import cli

COMMANDS = ["book", "serve", "lab", "refresh", "bench", "test", "audit", "real", "calibrate", "new-chapter", "lock"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    assert f"mlsd {command}" in capsys.readouterr().out


def test_no_command_is_left_out_of_the_list_above(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    listed = capsys.readouterr().out
    assert [name for name in COMMANDS if f"    {name} " not in listed.replace("\n", " \n")] == []


def test_outside_a_checkout_the_book_commands_say_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "site-packages" / "mlsd_lib" / "cli.py"))
    assert cli.main(["book"]) == 2
    assert "Change into one" in capsys.readouterr().err


def test_the_checkout_is_found_from_a_folder_inside_it(monkeypatch):
    root = cli.checkout()
    monkeypatch.chdir(root / "book" / "tools")
    assert cli.checkout() == root


def test_an_interrupt_is_told_apart_from_a_failure(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_book", interrupted)
    assert cli.main(["book"]) == 130
    assert "goes on from there" in capsys.readouterr().err


def test_an_unknown_check_is_named(capsys):
    assert cli.main(["test", "everything"]) == 2
    assert "'everything'" in capsys.readouterr().err
