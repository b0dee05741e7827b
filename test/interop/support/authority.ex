defmodule Authority do
  @moduledoc """
  A certificate authority of a test, made by the program `openssl`: it issues
  certificates and revokes them.  All files are in the folder of the test.
  """

  # above: the certificates between those that it issues and the root, the lowest first.
  defstruct [:folder, :certificate, :name, above: []]

  @config """
  [ca]
  default_ca = own
  [own]
  dir = .
  database = $dir/index
  serial = $dir/serial
  crlnumber = $dir/crlnumber
  new_certs_dir = $dir
  certificate = $dir/ca.pem
  private_key = $dir/ca.key
  default_md = sha256
  default_crl_days = 30
  default_days = 30
  unique_subject = no
  policy = any
  [any]
  commonName = supplied
  [authority]
  basicConstraints = critical, CA:true
  keyUsage = keyCertSign, cRLSign
  [req]
  distinguished_name = empty
  [empty]
  """

  @doc "A new one, which is its own authority."
  def start(name \\ "authority") do
    ca = folder(name)
    root = ~w(-x509 -days 30 -out ca.pem -extensions authority)
    openssl(ca, new_key("ca") ++ root ++ subject(name))
    ca
  end

  @doc """
  A new one with a certificate of `parent`.  What it issues has those of the
  authorities above it, except for the root's, in the `certfile`.
  """
  def below(parent, name) do
    ca = folder(name)
    openssl(ca, new_key("ca") ++ ["-out", "ca.csr"] ++ subject(name))
    files = ["-in", Path.join(ca.folder, "ca.csr"), "-out", ca.certificate]
    openssl(parent, ~w(ca -config config -batch -notext -extensions authority) ++ files)
    %{ca | above: [ca.certificate | parent.above]}
  end

  defp folder(name) do
    folder = Path.rootname(Coppice.log_file("#{name}#{System.unique_integer([:positive])}"))
    File.mkdir_p!(folder)

    files = [config: @config, index: "", serial: "01", crlnumber: "01"]
    for {file, text} <- files, do: File.write!(Path.join(folder, "#{file}"), text)
    %Authority{folder: folder, certificate: Path.join(folder, "ca.pem"), name: name}
  end

  @doc """
  Issues a certificate and returns its `certfile` and `keyfile` for a node on
  127.0.0.1.  Options: `san` (nil: none), `from` and `until` (as YYYYMMDDHHMMSSZ),
  `usage`, `self_signed`, `alone` (without the certificates above it).
  """
  def issue(ca, name, opts \\ []) do
    san = Keyword.get(opts, :san, "DNS:127.0.0.1,DNS:#{name}.example.com,IP:127.0.0.1")
    extensions = [basicConstraints: "CA:false", subjectAltName: san, extendedKeyUsage: opts[:usage]]
    lines = for {key, value} <- extensions, value != nil, do: "#{key}=#{value}\n"
    File.write!(Path.join(ca.folder, "#{name}.ext"), lines)
    openssl(ca, new_key(name) ++ ["-out", "#{name}.csr"] ++ subject(name))
    sign(ca, name, opts)
    above = if opts[:alone], do: [], else: ca.above
    File.write!(path(ca, "#{name}.pem"), Enum.map(above, &File.read!/1), [:append])
    [certfile: path(ca, "#{name}.pem"), keyfile: path(ca, "#{name}.key")]
  end

  defp sign(ca, name, opts) do
    files = ~w(-in #{name}.csr -extfile #{name}.ext -out #{name}.pem)
    dates = for {flag, key} <- [startdate: :from, enddate: :until], opts[key], do: {flag, opts[key]}

    if opts[:self_signed] do
      openssl(ca, ~w(x509 -req -days 30 -signkey #{name}.key) ++ files)
    else
      dates = Enum.flat_map(dates, fn {flag, date} -> ["-#{flag}", date] end)
      openssl(ca, ~w(ca -config config -batch -notext) ++ files ++ dates)
    end
  end

  @doc "Revokes it."
  def revoke(ca, name), do: openssl(ca, ~w(ca -config config -revoke #{name}.pem))

  @doc "The same with the certificate of an authority below it."
  def revoke_authority(ca, below) do
    openssl(ca, ~w(ca -config config -revoke) ++ [below.certificate])
  end

  @doc "Writes the revocation list and returns its path."
  def revocations(ca) do
    openssl(ca, ~w(ca -config config -gencrl -out crl.pem))
    path(ca, "crl.pem")
  end

  @doc "The same in a folder, as OpenSSL and ssl_crl_hash_dir find it; returns the folder."
  def revocation_folder(ca) do
    folder = path(ca, "crls")
    File.mkdir_p!(folder)
    File.cp!(revocations(ca), Path.join(folder, "crl.pem"))
    openssl(ca, ~w(rehash crls))
    folder
  end

  @doc "Writes a key again, encrypted with a password."
  def lock(ca, key, locked, password) do
    openssl(ca, ~w(ec -in #{key} -aes128 -passout pass:#{password} -out #{locked}))
  end

  @doc "The path of one of its files, as OTP's options have it."
  def path(ca, file), do: to_charlist(Path.join(ca.folder, file))

  @doc "A file for -ssl_dist_optfile; returns its path."
  def option_file(ca, name, server, client) do
    file = path(ca, "#{name}.conf")
    File.write!(file, :io_lib.format("~p.~n", [[server: server, client: client]]))
    file
  end

  @doc "The options of one role that trusts this authority."
  def trust(ca, own, more \\ []) do
    Keyword.merge([cacertfile: path(ca, "ca.pem"), verify: :verify_peer] ++ own, more)
  end

  defp new_key(name) do
    ~w(req -config config -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout #{name}.key)
  end

  defp subject(name), do: ["-subj", "/CN=#{name}"]

  defp openssl(ca, args) do
    {output, status} = System.cmd("openssl", args, cd: ca.folder, stderr_to_stdout: true)
    if status != 0, do: raise("openssl #{Enum.join(args, " ")}: #{output}")
  end
end
