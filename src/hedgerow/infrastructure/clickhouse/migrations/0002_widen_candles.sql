-- A volume of SHIB has more than ten digits before the point, a price of PEPE more than eight
-- after it: Decimal(18, 8) refuses the one and cuts the other.
ALTER TABLE market_data_kline
    MODIFY COLUMN open Decimal(38, 18),
    MODIFY COLUMN high Decimal(38, 18),
    MODIFY COLUMN low Decimal(38, 18),
    MODIFY COLUMN close Decimal(38, 18),
    MODIFY COLUMN volume Decimal(38, 18),
    MODIFY COLUMN quote_volume Decimal(38, 18)
