"""Commands that prepare, check and measure; they import the package, which never imports them."""
