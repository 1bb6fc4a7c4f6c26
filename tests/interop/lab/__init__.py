"""The laboratory of the interop tests: real Asterisks, phones, SIPp and raw SIP peers on loopback.

Everything waits for an observed event with a bound; everything started is ended by its pid.
"""
