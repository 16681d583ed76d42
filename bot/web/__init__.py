"""What answers over HTTP. For now: is it alive, and is it ready?"""
