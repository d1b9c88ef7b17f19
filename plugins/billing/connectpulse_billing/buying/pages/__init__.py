def views():
    return ()
