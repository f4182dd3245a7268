"""What the synthetic shops sell: twelve categories of four shelves, each with its own things, words and tags."""

from dataclasses import dataclass

_SHELVES = """
kitchen hepgvb: baking, bread, cakes, pastry: sourdough loaves, birthday cakes, flaky pastry, weekend baking with children
bread tin 14 135, rolling pin 12 43, cake stand 28 35
pastry brush 8 41, muffin tray 16 13, mixing bowl 22 265
a non-stick coating, measuring marks, rolled edges, a beechwood handle, a fitted lid, a pouring lip
kitchen hpgvmc: coffee, barista, espresso, brewing: slow Sunday mornings, a quick espresso, filter brews, a creamy flat white
coffee grinder 45 61, milk jug 18 25, espresso cup 12 24
pour-over dripper 24 35, cafetiere 32 243, moka pot 34 45
ceramic burrs, a double wall, a set of paper filters, a heatproof grip, a narrow spout, seven grind settings
kitchen hpgvms: knives, chopping, carving, sharp: careful cooks, Sunday roasts, busy kitchens, trimming vegetables
chef's knife 65 1236, paring knife 22 136, chopping board 35 45
sharpening stone 28 56, herb scissors 18 36, knife rack 40 35
a carbon steel blade, a full tang, a walnut grip, a juice groove, rubber feet, a blade guard
kitchen epgvmc: cookware, casseroles, stir-fry, induction: family suppers, weeknight dinners, gas and electric hobs, hearty stews
casserole 75 135, frying pan 38 245, saucepan 34 235
wok 36 256, griddle 42 456, steamer basket 20 36
an enamelled finish, a riveted handle, a glass cover, an induction base, a cast iron body, even heat
garden egvsb: seeds, sowing, pollinators, vegetables: raised beds, pollinators and bees, a sunny windowsill, an early harvest
wildflower seeds 4 135, tomato seeds 4 1256, lettuce seeds 3 124
sweet pea seeds 4 245, sunflower seeds 3 1346, herb seeds 5 1346
a sowing calendar, high germination, untreated stock, resealable sachets, heirloom varieties, plant labels
garden hepgvc: garden-tools, pruning, digging, weeding: tidy borders, heavy clay, cottage gardens, allotments
hand trowel 14 125, border fork 32 125, pruning shears 26 356
hedge shears 45 156, weeding hoe 24 126, leaf rake 22 14
an ash handle, a forged head, a safety catch, rust-proof tines, a soft grip, sharpened edges
garden hepgvb: planters, patio, balcony, watering: balconies, geraniums and petunias, a shady courtyard, trailing ivy
terracotta pot 16 123, hanging basket 18 46, window box 24 126
plant stand 34 36, glazed planter 38 123, watering can 22 5
drainage holes, a matching saucer, frost protection, a coir liner, a sprinkler rose, a wrought iron bracket
garden hegvmb: wildlife, birds, nature, nesting: wild gardens, nature lovers, winter visitors, quiet corners
bird feeder 18 123, nesting box 22 145, hedgehog house 48 154
bee hotel 26 165, butterfly feeder 16 135, bird bath 44 53
a pitched roof, a squirrel guard, removable trays, a predator plate, natural bark, bamboo tubes
camping epgcsb: tents, waterproof, shelter, festival: wet weekends, festival fields, wild camping, four sleepers
dome tent 140 124, tarpaulin 35 51, bivvy bag 55 143
groundsheet 22 15, beach shelter 45 152, awning 90 265
taped seams, fibreglass poles, a waterproof flysheet, a mosquito net, reflective guy lines, a roomy porch
camping epgcsb: sleeping, down, warm-nights, hammocks: frosty nights, light sleepers, hut to hut tours, an afternoon nap
sleeping bag 70 1234, inflatable mattress 48 54, camp pillow 16 14
hammock 42 64, fleece liner 20 34, foam mat 24 46
a goose down fill, a draught collar, a two-way zip, a stuff sack, a foot pump, tree straps
camping epgvcs: camp-cooking, stoves, campfire, picnic: camp breakfasts, campfire suppers, riverside picnics, hungry hikers
gas stove 45 135, mess tin 14 24, camp kettle 22 2
enamel mug 9 2, cool box 55 2, fire steel 8 63
a piezo igniter, folding handles, a windshield, nesting pans, a leakproof valve, a flint striker
camping pgvcsb: hiking, trekking, navigation, trails: mountain trails, coastal paths, map reading, a day on the ridge
trekking pole 48 156, hiking rucksack 95 2356, compass 20 46
head torch 28 56, water bottle 18 65, map case 12 35
cork grips, a hip belt, a rain cover, a luminous dial, padded straps, a whistle
toys hegvsb: building, construction, blocks, stem: small engineers, rainy afternoons, building together, counting and sorting
block set 24 145, marble run 38 25, magnetic tile set 45 124
castle kit 52 345, model crane 34 56, railway set 58 245
rounded corners, extra connectors, a drawbridge, a storage drawer, numbered parts, a turning hook
toys hegvcb: puzzles, board-games, family-night, logic: family evenings, quick thinkers, two to six players, train journeys
jigsaw puzzle 14 13, memory game 12 12, chess set 36 43
card game 10 23, domino set 15 423, board game 32 1256
thick cardboard, a rule booklet, a linen texture, carved figures, a score pad, a sand timer
toys hepgvb: dolls, soft-toys, role-play, cuddly: bedtime stories, role play, cuddles, rainy Sundays
rag doll 26 123, teddy bear 24 143, dolls' house 85 52
hand puppet 16 61, plush rabbit 18 143, doll's pram 42 52
embroidered eyes, a change of clothes, a velvet ribbon, fluffy stuffing, tiny furniture, a moving mouth
toys egcsb: outdoor-play, kites, ride-on, beach: windy beaches, an hour in the park, summer holidays, sports days
stunt kite 18 16, skipping rope 8 46, balance bike 75 23
sandpit set 16 45, bubble machine 20 56, football goal 48 56
a long tail, puncture-free tyres, an adjustable saddle, a bucket and spade, a spare net, a winding reel
fashion hepgvmb: knitwear, wool, winter, cashmere: frosty walks, layering, chilly offices, cabin weekends
wool jumper 65 146, cashmere scarf 58 5, cable cardigan 72 126
bobble hat 22 51, mohair shawl 46 2, merino vest 48 24
ribbed cuffs, horn buttons, a shawl collar, a roll neck, a pompom, reinforced elbows
fashion hepgvmc: bags, leather, commuting, accessories: the commute, city breaks, smart offices, long weekends
leather satchel 120 12456, canvas tote 28 245, weekend holdall 140 1245
coin wallet 38 346, plaited belt 32 13, card holder 22 326
brass buckles, a cotton lining, contrast stitching, an inside pocket, a shoulder strap, a key loop
fashion hepgmb: linen, summer, beachwear, cotton: hot afternoons, garden weddings, beach bars, holiday evenings
linen shirt 48 136, straw hat 30 24, wrap dress 55 356
kaftan 42 346, silk sarong 34 46, sun visor 18 52
mother-of-pearl buttons, a wide brim, side pockets, a braided trim, an elastic waist, a floral print
fashion epgvmc: denim, outerwear, coats, rainwear: autumn showers, concert nights, everyday wear, muddy lanes
denim jacket 75 146, biker jacket 150 146, waxed raincoat 130 236
duffel coat 120 354, padded gilet 62 462, parka 110 234
copper rivets, a storm flap, a detachable hood, a quilted lining, toggle fastenings, welded pockets
music hpgvcs: guitar, strings, acoustic, fingerstyle: fingerstyle, singalongs, travelling players, stage and studio
parlour guitar 180 126, guitar strap 20 45, guitar capo 12 36
slide bar 9 56, plectrum set 6 46, guitar stand 26 54
a spruce top, a rosewood fretboard, a spring clamp, suede ends, a padded cradle, a chord chart
music pgvmc: vinyl, turntables, hi-fi, jazz: jazz evenings, a growing record collection, deep listening, small hours
record player 160 1246, vinyl crate 32 46, stylus brush 10 23
turntable mat 16 34, valve amplifier 220 564, record rack 42 46
a belt drive, a diamond tip, an anti-static pad, a dust cover, gold-plated sockets, a veneered case
music pgmcs: piano, recording, studio, microphones: home recording, spoken word, piano lessons, composing
stage piano 380 126, controller keyboard 110 124, studio microphone 95 345
audio interface 130 34, pop shield 16 53, piano stool 55 12
weighted keys, a sustain pedal, phantom power, low-latency drivers, a gooseneck arm, a metronome
music hgvcsb: percussion, folk, rhythm, ukulele: folk sessions, drum circles, classroom bands, street music
ukulele 48 356, cajon 85 356, tambourine 18 123
harmonica 26 463, tin whistle 12 463, djembe 90 132
a goatskin head, steel jingles, a carry bag, tuned reeds, a birch body, a songbook
art pgcsb: painting, watercolour, oils, canvas: landscapes, painting outdoors, glazes and washes, bold abstracts
watercolour set 32 1256, oil paint set 45 126, canvas board 14 34
studio easel 85 42, brush roll 19 5, acrylic paint set 28 126
lightfast pigments, a mixing palette, primed cotton, a tilting frame, sable hair, twelve shades
art epgcs: drawing, sketching, ink, portraits: life drawing, urban sketching, portraits, comics and lettering
sketchbook 12 125, charcoal set 8 63, pencil case 14 356
fountain pen 26 45, pastel set 18 164, drawing board 38 15
acid-free paper, a spiral binding, graded leads, archival ink, a metal clasp, a kneadable eraser
art hepgvmb: prints, wall-art, frames, gallery: empty hallways, gallery walls, house-warming gifts, living rooms
art print 24 145, picture frame 26 2356, gallery poster 18 146
linocut print 48 456, photo mount 10 5, wall canvas 60 1346
giclee inks, a bevelled mount, oak mouldings, a numbered certificate, museum glass, a signed corner
art pgcsb: pottery, clay, sculpture, ceramics: hand building, throwing bowls, small sculptures, evening classes
pottery wheel 260 156, modelling clay 14 46, carving tool set 22 26
glaze set 30 36, plaster mould 18 64, banding wheel 38 56
a foot pedal, wire loops, food-safe colours, an air-drying body, a smooth bearing, a practice project
fitness hepgmb: yoga, pilates, stretching, mindfulness: morning flows, deep stretches, balance poses, quiet breathing
yoga mat 32 126, cork block 14 12, meditation cushion 36 35
stretching strap 10 46, pilates ring 18 14, bolster 40 35
a natural rubber base, alignment lines, a buckwheat filling, foam handles, a washable cover, an anti-slip weave
fitness pgmcs: strength, weights, home-gym, core: home workouts, core strength, heavy lifting, circuit training
kettlebell 38 12, dumbbell pair 45 124, resistance band 16 36
pull-up bar 34 23, weight bench 120 154, weight vest 58 46
a powder coat, knurled bars, door anchors, steel plates, an adjustable backrest, wrist support
fitness epgcsb: running, marathon, recovery, reflective: first marathons, evening jogs, trail races, early starters
running belt 22 245, sports watch 140 15, hydration vest 70 234
reflective vest 18 235, running cap 20 35, foam roller 26 65
heart-rate tracking, bounce-free pockets, breathable mesh, soft flasks, bright piping, deep ridges
fitness epgvmcb: cycling, bikes, road-safety, touring: riding to work, gravel tours, long rides, dark lanes
cycling helmet 60 16, bike light 28 6, saddle bag 24 56
cycling jersey 52 35, floor pump 36 2, bike lock 42 46
wide air vents, a pressure gauge, silicone grippers, a hardened shackle, a hidden zip, a quick-release bracket
electronics pgvmcb: audio, wireless, headphones, speakers: music lovers, podcasts, small rooms, lazy Sundays
bluetooth speaker 60 165, earbud pair 80 126, folding headphones 190 1326
soundbar 150 14, clock radio 45 54, dictaphone 55 654
deep bass, a charging case, memory foam pads, a remote control, a sleep timer, twelve-hour playback
electronics epgmcb: computing, home-office, ergonomic, desk: home offices, video calls, tidy desks, writing and coding
mechanical keyboard 95 153, vertical mouse 42 2, laptop stand 38 3
monitor arm 70 3, webcam 55 4, docking station 120 63
tactile switches, a silent wheel, cable clips, a privacy shutter, backlit keys, three display ports
electronics epgmc: charging, batteries, usb-c, energy: travel abroad, weekends off grid, lower bills, empty phones
power bank 32 146, phone charger 22 126, extension lead 18 235
solar panel 75 14, smart plug 16 546, charging cable 10 13
fast charging, surge protection, a braided sleeve, status lights, an energy meter, overload control
electronics pgmcs: cameras, photography, video, drones: holiday films, night photography, aerial views, vlogging
action camera 210 14, tripod 45 2, camera bag 48 3
memory card 20 4, camera drone 320 15, ring light 34 6
image stabilisation, a ball head, padded dividers, a dive housing, brushless motors, a dimmer
books pgvmc: crime, mystery, thriller, detective: fireside evenings, armchair detectives, sleepless nights, fans of Nordic noir
detective novel 9 1346, thriller 9 235, mystery omnibus 16 1346
noir anthology 13 2435, courtroom drama 10 235, village mystery 11 1645
a locked room, an unreliable narrator, a twist on the last page, a weary inspector, short chapters, a map of the village
books pgvmc: travel-writing, nature-writing, maps, memoir: armchair travellers, birdwatchers, planning the next trip, curious walkers
travel memoir 12 145, atlas 18 123, field guide 16 1346
mountaineering diary 14 246, island journey 11 245, walking guide 13 1264
colour plates, fold-out maps, a species index, pencil drawings, local recipes, route profiles
books pgvmc: fantasy, science-fiction, dragons, magic: young adults, long holidays, dreamers, reading in one go
fantasy saga 12 1236, dragon chronicle 11 236, space opera 10 146
fairy tale collection 15 536, vampire romance 9 126, graphic novel 19 5416
a cast of outcasts, ancient prophecies, a glossary of spells, starship battles, painted panels, a hidden kingdom
books pgvmc: history, biography, poetry, essays: book clubs, students of history, slow reading, long conversations
history of empires 18 1246, biography 16 1236, poetry collection 10 53
essay collection 12 354, war diary 14 2436, book of letters 13 3425
an index of names, rare photographs, an introduction by a historian, annotated sources, a ribbon bookmark, family trees
pets hepgcb: dogs, puppies, walks, training: muddy walks, growing puppies, recall training, older dogs
dog lead 18 134, dog bed 48 2, dog harness 24 136
chew toy 9 4, training bag 16 53, dog coat 30 361
a padded handle, an orthopaedic core, reflective stitching, bite-proof rope, a treat pocket, belly fasteners
pets hepgmb: cats, kittens, scratching, indoor: indoor cats, playful kittens, small flats, fearless climbers
scratching post 36 14, cat tunnel 20 25, litter box 24 35
catnip mouse 5 42, cat carrier 38 35, window perch 28 61
sisal rope, a crinkle lining, a swing door, dried catnip, a mesh window, suction cups
pets pgmcs: aquariums, fish, aquatics, tropical: tropical fish, shrimps and snails, clear water, a planted tank
glass aquarium 110 12, aquarium filter 38 2, planting kit 18 34
gravel mix 12 4, fish food 7 5, aquarium heater 30 6
a lit hood, a silent pump, living roots, rounded pebbles, spirulina flakes, a thermostat
pets hegcsb: small-animals, hamsters, rabbits, hutches: dwarf rabbits, lively hamsters, shy guinea pigs, curious chinchillas
hamster cage 55 135, rabbit hutch 120 231, hay rack 14 36
exercise wheel 18 43, guinea pig hideout 16 523, gnawing stick 6 6
a climbing ladder, a sloping roof, a chew-proof frame, a quiet axle, a fleece floor, dried herbs
wellness hepgmb: candles, home-fragrance, incense, cosy: quiet evenings, a welcoming hallway, reading corners, winter dusk
scented candle 18 1235, beeswax candle 14 134, incense cone set 8 25
oil burner 22 65, reed diffuser 26 265, candle holder 16 6
a cotton wick, cedar and amber, a forty-hour burn, hand-poured wax, bergamot oil, smoked glass
wellness hepgvc: bath, soap, skincare, spa: tired muscles, dry skin, a long soak, spa days at home
bath salt 14 1362, lavender soap 7 236, shower oil 16 26
bath brush 15 4, body scrub 18 1526, waffle bathrobe 65 6
sea minerals, olive oil, dried petals, sisal bristles, ground apricot stones, a gentle scent
wellness hepgvs: tea, herbal, infusions, caffeine-free: unwinding, afternoon breaks, a caffeine-free bedtime, tea lovers
herbal tea 8 126, green tea 10 26, chai blend 9 32
clay teapot 34 45, tea infuser 11 45, tasting box 24 2361
chamomile blossoms, whole leaves, cinnamon and cardamom, a mesh strainer, a bamboo lid, lemon verbena
wellness epgmcs: massage, sleep, relaxation, self-care: stiff shoulders, deep sleep, calm minds, desk workers
massage oil 16 1, hot stone set 42 2, neck pillow 34 35
acupressure mat 38 43, sleep mask 18 53, heat pad 45 635
arnica extract, basalt stones, a contoured shape, lotus points, a silk cover, three heat settings
"""  # noqa: E501
"""Four lines a shelf: category, styles, tags, uses; twice three things, each with its usual price and the numbers of
the details that suit it; details."""


@dataclass(frozen=True)
class Thing:
    """Something that is sold: its name, usual price, and the details that suit it, which follow "with"."""

    name: str
    price: float
    details: tuple[str, ...]


@dataclass(frozen=True)
class Shelf:
    """One kind of goods in a category; ``styles`` are keys of ``STYLES``, ``uses`` follow "for"."""

    category: str
    styles: str
    tags: tuple[str, ...]
    uses: tuple[str, ...]
    things: tuple[Thing, ...]


def _read_shelves() -> tuple[Shelf, ...]:
    lines = _SHELVES.strip().splitlines()
    shelves = []
    for heading, first, second, details in zip(lines[::4], lines[1::4], lines[2::4], lines[3::4], strict=True):
        names, tags, uses = heading.split(": ")
        category, styles = names.split(" ")
        things = tuple(_read_thing(thing, details.split(", ")) for thing in f"{first}, {second}".split(", "))
        shelves.append(Shelf(category, styles, tuple(tags.split(", ")), tuple(uses.split(", ")), things))
    return tuple(shelves)


def _read_thing(written: str, details: list[str]) -> Thing:
    name, price, suiting = written.rsplit(" ", 2)
    return Thing(name, float(price), tuple(details[int(number) - 1] for number in suiting))


SHELVES = _read_shelves()
"""All shelves, category by category."""

CATEGORIES = tuple(dict.fromkeys(shelf.category for shelf in SHELVES))

SHELVES_PER_CATEGORY = len(SHELVES) // len(CATEGORIES)
