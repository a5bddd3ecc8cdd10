-- Stops all execution.
-- KEYS[1] pause, a hash {body, at (ms)}
-- ARGV[1] body
-- Returns {ok}.
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'at', int(now_ms()))
return {'ok'}
