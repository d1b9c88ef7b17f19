def views(): return ()
