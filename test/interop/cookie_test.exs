defmodule CookieTest do
  @moduledoc "Where the cookie comes from, and what is said of one that cannot be it."
  use TestCase

  @config 78

  setup do
    home = Path.join(Path.dirname(Coppice.log_file("home")), fresh("home"))
    File.mkdir_p!(home)
    {:ok, home: home, path: Path.join(home, ".erlang.cookie"), node: Coppice.start().node}
  end

  # `ping` with a cookie from files alone.
  defp ping(world, env \\ []) do
    alone = [{"COPPICE_COOKIE", nil}, {"HOME", world.home}, {"XDG_CONFIG_HOME", nil}]
    Coppice.run(["ping", world.node], env: alone ++ env)
  end

  defp write(path, text, mode \\ 0o600) do
    File.mkdir_p!(Path.dirname(path))
    File.write!(path, text)
    File.chmod!(path, mode)
  end

  defp cookie, do: to_string(Node.get_cookie())

  defp refuses(world, wanted) do
    assert {@config, "", said} = ping(world)
    assert said =~ wanted
  end

  test "that of the home, with or without an end of its line", world do
    for text <- [cookie(), cookie() <> "\n", cookie() <> "\r\n"] do
      write(world.path, text)
      assert {0, "pong\n", ""} = ping(world)
    end
  end

  test "that of the folder for configurations, where the home has none", world do
    write(Path.join(world.home, ".config/erlang/.erlang.cookie"), cookie())
    assert {0, "pong\n", ""} = ping(world)
    other = Path.join(world.home, "other")
    write(Path.join(other, "erlang/.erlang.cookie"), cookie())
    File.rm_rf!(Path.join(world.home, ".config"))
    assert {0, "pong\n", ""} = ping(world, [{"XDG_CONFIG_HOME", other}])
    # The home's comes first, as in OTP.
    write(world.path, "another")
    assert {69, "pang\n", said} = ping(world, [{"XDG_CONFIG_HOME", other}])
    assert said =~ "cookie"
  end

  test "one that others may read is taken, and said", world do
    write(world.path, cookie(), 0o644)
    assert {0, "pong\n", said} = ping(world)
    assert said =~ "others may read the cookie in #{world.path}: chmod 600 #{world.path}"
  end

  test "none: both ways to give one are named", world do
    refuses(world, "cannot read the cookie from #{world.path}: No such file or directory; " <>
                     "set cookie_file or COPPICE_COOKIE")
  end

  test "a folder in its place", world do
    File.mkdir_p!(world.path)
    refuses(world, "cannot read the cookie from #{world.path}: Is a directory")
  end

  test "an empty one", world do
    for text <- ["", "\n"] do
      write(world.path, text)
      refuses(world, "the cookie in #{world.path}: empty")
    end
  end

  test "one that is too long, or a file that is no cookie's", world do
    write(world.path, String.duplicate("c", 256))
    refuses(world, "the cookie in #{world.path}: expected at most 255 characters, found 256")
    write(world.path, String.duplicate("c", 10_000))
    refuses(world, "the cookie in #{world.path}: expected at most 255 characters, found more")
    write(world.path, "one\ntwo\n")
    refuses(world, "the cookie in #{world.path}: a character is not printable ASCII")
  end

  test "a port of epmd that is none is passed over, and said", world do
    write(world.path, cookie())
    # The suites' own epmd has the port that is not read here.
    assert {status, _, said} = ping(world, [{"ERL_EPMD_PORT", "4369x"}])
    assert said =~ "$ERL_EPMD_PORT is ignored: "
    assert status in [0, 69]
  end
end
