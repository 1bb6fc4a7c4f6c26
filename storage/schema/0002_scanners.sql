-- What well-known scanners call themselves. Rows of the operator's from here on: he deletes and adds.

INSERT INTO scanners (pattern, comment) VALUES
  ('friendly-scanner', 'SIPVicious'),
  ('sipvicious',       'SIPVicious'),
  ('svmap',            'SIPVicious'),
  ('svwar',            'SIPVicious'),
  ('svcrack',          'SIPVicious'),
  ('sipcli',           'sipcli, used for toll fraud'),
  ('sip-scan',         'scanner'),
  ('sipscan',          'scanner'),
  ('sundayddr',        'scanner'),
  ('pplsip',           'scanner'),
  ('siparmyknife',     'fuzzer')
ON CONFLICT DO NOTHING;
