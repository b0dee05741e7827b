defmodule PageViewsTest do
  use ExUnit.Case
  doctest PageViews
end
