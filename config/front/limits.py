"""What the front holds back before a request costs anything. Times are seconds."""

HEAD_BYTES_MAX = 64 * 1024
TARGET_BYTES_MAX = 16 * 1024
CONNECTIONS_MAX = 1_000
IDLE_CONNECTIONS_TO_WEB = 32

IDLE_S = 75
HEAD_S = 20
BODY_S = 60
ANSWER_S = 600
READER_S = 60
# Shorter than the web server's own, so that it is never the one that closes a connection about to be used.
IDLE_TO_WEB_S = 10
# What a client still sends after it was answered is read away this long; closing at once could lose it the answer.
LINGER_S = 5
STOP_S = 5
EVERY_S = 1.0

# Posts of usage that are handed on together: the largest of them, how many requests with several are answered at once,
# how long one waits for those that were answered together, and how long for a request that is answered already.
POST_BYTES_MAX = 16 * 1024
GROUPS_MAX = 4
AGAIN_S = 0.005
WAITS_S = 0.1
