"""What the front holds back before a request costs anything. Times are seconds."""

HEAD_BYTES_MAX = 64 * 1024
TARGET_BYTES_MAX = 16 * 1024
CONNECTIONS_MAX = 2_000
# Connections that wait to be accepted: one too many is tried again by its client after 1, 3 and 7 s only.
BACKLOG = 4_096
# How many are closed at once when there is no room: those that are silent longest, of the address that has most.
MAKE_ROOM = 50
IDLE_CONNECTIONS_TO_WEB = 32

IDLE_S = 75
HEAD_S = 20
BODY_S = 60
# A body that drips is ended too: after the first BODY_S it must have come at least so fast from its beginning.
BODY_BYTES_PER_S_MIN = 1024
ANSWER_S = 600
READER_S = 60
# The same for answers, and how many web processes at most wait for readers that are slow: of an answer, so many bytes
# are held here, off the worker.
ANSWER_BYTES_HELD = 256 * 1024
READER_BYTES_PER_S_MIN = 16 * 1024
SLOW_READERS_MAX = 8
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

# Bodies are held here until they are whole, and cost no web process anything before: so many bytes in memory, the rest
# in a file. A caller who is not known may send what a form of the sign-in page takes.
BODY_BYTES_IN_MEMORY = 256 * 1024
# A body of a request that was refused is read away up to this; after a longer one the connection is closed.
READ_AWAY_BYTES_MAX = 16 * 1024
STRANGERS_BODY_BYTES_MAX = 64 * 1024
# What is parsed of one connection before it is another's turn.
SLICE_BYTES, BODY_SLICE_BYTES = 4 * 1024, 64 * 1024
# How long a key is looked for that is not in memory yet: the database's word of it comes within a second.
KEY_LOOK_EVERY_S, KEY_LOOK_S = 0.05, 3.0

# How many requests the web processes are asked at once, of one organisation, and of one address without a key; how many
# of each wait here for their turn. Small posts wait for a group, and more of them do.
AT_ONCE_MAX, PARTY_AT_ONCE_MAX, STRANGER_AT_ONCE_MAX = 64, 32, 16
WAITING_MAX = 256
POSTS_WAITING_MAX = 2_048
# Decisions of organisations that ask at the same time are shared out in windows of so many seconds.
WINDOW_S, DECISION_S = 0.02, 0.0001

# How long an answer to posts that brought a budget to a line waits until decisions know of it, and how often it looks.
READ_S = 0.1
LOOK_S = 0.001
