{application, grove, [
    {description, "A stand-in for Grove"},
    {vsn, "0.2.0"},
    {modules, []},
    {registered, []},
    {applications, [kernel, stdlib, elixir]},
    {env, [{scope, grove}]},
    {mod, {'Elixir.Grove.Application', []}}
]}.
