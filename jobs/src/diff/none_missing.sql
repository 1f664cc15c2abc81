-- As `missing` where there are no issues yet. Reads `before`.
select * from before limit 0
