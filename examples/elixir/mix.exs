defmodule PageViews.MixProject do
  use Mix.Project

  def project do
    [
      app: :page_views,
      version: "0.1.0",
      elixir: "~> 1.14",
      start_permanent: Mix.env() == :prod,
      deps: [{:coppice, path: "../..", manager: :rebar3}]
    ]
  end

  def application do
    [mod: {PageViews.Application, []}, extra_applications: [:logger]]
  end
end
