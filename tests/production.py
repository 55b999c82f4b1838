"""The settings of a production that may start, for tests that take one away or spoil it."""

SELLER = {
    "SELLER_LEGAL_NAME": "شرکت نمونه (سهامی خاص)",
    "SELLER_ECONOMIC_CODE": "14001234567",
    "SELLER_NATIONAL_ID": "14001234567",
    "SELLER_REGISTRATION_NUMBER": "123456",
    "SELLER_ADDRESS": "تهران، خیابان آزادی، پلاک ۱",
    "SELLER_POSTAL_CODE": "1234567890",
    "SELLER_PHONE": "021-12345678",
}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://portal:Kx9-long-enough@127.0.0.1:1/portal",
    "PUBLIC_URL": "https://portal.example.ir",
    "ZIBAL_MERCHANT": "65c3a1",
    "METRICS_TOKEN": "a-long-random-token-of-32-letters",
    "DEPLOYMENTS_TOKEN_HASH": "a1" * 32,
    "ALERTS_TOKEN_HASH": "b2" * 32,
    **SELLER,
}
