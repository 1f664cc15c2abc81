"""The estate, one module for each group of services; `cloud` and `observe` serve them all."""
