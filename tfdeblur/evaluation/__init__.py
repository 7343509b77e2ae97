"""How good a deblurred picture is: metrics, the protocol of an evaluation, and the pictures that show it."""
