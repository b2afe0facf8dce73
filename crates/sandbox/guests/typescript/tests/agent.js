;                                           
import { tools,                      } from "moltforge";

                 
               
                
 

                                                          

         class Base    {
                            
  constructor(readonly_   ) {
    this.kept = readonly_     ;
  }
  ;                       
}

class Agent extends Base                           {
          static count         = 0;
  #secret         ;
  name(           )         {
    return `é${Agent.count++}`                 ;
  }
}

;                                                                         
function first   (list     , otherwise    ) {
  return list[0] ?? otherwise ;
}

export default async function run(input       )                           {
  const forecast            = [];
  for (let day = 0; day < (input.days ?? 1); day++) {
    forecast.push((await tools.call("weather", { city: input.city, day }))           );
  }
  const error = (value         )                           => value instanceof Error;
  if (error(first         (forecast))) throw new Error(new Agent(1).name());
  return { city: input.city, forecast };
}
