"""Passwords that attackers try first: the heads of published lists, rows of keys, and our own name."""

# Lower case, from letter to letter: whatever stands around a word, as in "Password123!", is taken off before looking.
COMMON_PASSWORDS = frozenset(
    """
    a aa abc a1b2c3d4e a1s2d3f4g access admin administrator baseball basketball batman changeme computer default dragon
    football iloveyou internet jennifer letmein login master michael monkey mypassword newpassword
    pa$$w0rd pa$$word pass passw0rd passwd password passwort p@ssw0rd p@ssword pokemon princess root secret shadow
    starwars sunshine superman test testing trustno user username welcome

    asdf asdfgh asdfghjkl azerty azertyuiop q1w2e3r q1w2e3r4t q1w2e3r4t5y q2w3e4r q2w3e4r5t q2w3e4r5t6y
    qaz2wsx qaz2wsx3edc qazwsx qazwsxedc qazxsw qweasd qweasdzxc qwer qwerasdf qwerasdfzxcv qwerty qwertyui
    qwertyuiop qwertz qwertzuiop zxcv zxcvbn zxcvbnm
    شسیبلاتنمک شسیبلاتنمکگ ضصثقفغعهخح ضصثقفغعهخحجچ ظطزرذدپو

    ali esteghlal fatemeh hossein iran maryam mohammad persepolis reza salam tehran zahra
    ایران پسورد تهران رمزعبور سلام گذرواژه

    docuchat docuchatportal portal پرتال داکیوچت
    """.split()  # noqa: SIM905 - a list of quoted words would be four times as long
)
