"""From single detections to balls that keep their identity through time.

``tracker.Tracker`` is the whole of it: give it the detections of each picture and it answers with
the balls on the table.  Its parts are separate and pure: ``motion`` (a moving ball on cloth),
``rest`` (a ball that lies still), ``labels`` (which ball it is), ``hypotheses`` (where a ball may
have got to since the last picture), ``assignment`` (who is who).
"""
